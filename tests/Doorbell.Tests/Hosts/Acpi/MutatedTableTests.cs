using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>Whatever becomes of a table, the answer is one with sentences for what is wrong, and it comes at once.</summary>
public class MutatedTableTests
{
    private const int Rounds = 100_000;

    private static readonly (string File, byte[] Bytes)[][] Machines = [Tables.Captured, Arm(), Intel(), Amd()];

    private static readonly ulong[] Extremes = [0, 1, 2, 3, 0x10, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, ulong.MaxValue];

    [Fact]
    public void A_hundred_thousand_spoilt_tables_never_crash_nor_hang_and_every_refusal_is_a_sentence()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        int refused = 0, read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            (string File, byte[] Bytes)[] machine = Machines[random.Next(Machines.Length)];
            int victim = random.Next(machine.Length);
            byte[] spoilt = Spoil(random, machine[victim].Bytes);
            (string File, byte[] Bytes)[] tables = [.. machine];
            tables[victim] = ("spoilt", spoilt);
            try
            {
                Result<AcpiFirmware> firmware = AcpiFirmware.Read(tables, random.Next(2) == 0 ? null : address => address.Device % 3 == 0 ? new AcpiBridgeBuses((byte)random.Next(256), (byte)random.Next(256)) : null);
                Inspect(firmware);
                refused += firmware.IsOk && !firmware.Value.Notes.Any(note => note.EndsWith("the table is left out.", StringComparison.Ordinal)) ? 0 : 1;
                read += firmware.IsOk ? 1 : 0;
            }
            catch (Exception e)
            {
                throw new Xunit.Sdk.XunitException($"seed {seed}, round {round}, {machine[victim].File}: {Convert.ToHexString(spoilt)}\n{e}");
            }
        }

        // Both kinds must really have come up, or this has tried nothing.
        Assert.True(refused > Rounds / 100 && read - refused > Rounds / 100, $"seed {seed}: {refused} refused, {read} read of {Rounds}");
    }

    /// <summary>Numbers of a table that say how much follows are the ones that could make reading it endless.</summary>
    [Fact]
    public void A_large_table_of_the_smallest_parts_is_read_in_one_go()
    {
        var iort = new IortBuilder();
        var rows = new IortBuilder.Row[3000];
        for (int index = 0; index < rows.Length; index++)
        {
            rows[index] = new IortBuilder.Row((uint)index, 0, (uint)index, 48);
        }

        iort.SmmuV3(0x1000, rows);
        iort.RootComplex(0, rows);
        for (int node = 0; node < 20_000; node++)
        {
            iort.Node(9, 0, [], 0, static _ => { });
        }

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Build(), iort.Build());

        // A circle of one node with 3,000 rows.
        Assert.False(firmware.Find("0000:0b:16.7").IsKnown);
    }

    private static void Inspect(Result<AcpiFirmware> firmware)
    {
        if (!firmware.IsOk)
        {
            MustBeSentence(firmware.Reason);
            return;
        }

        AcpiFirmware read = firmware.Value;
        Assert.All(read.Notes, MustBeSentence);
        string[] names = [.. read.Iommus.Select(iommu => iommu.Name), .. read.MsiControllers.Select(controller => controller.Name)];
        Assert.Equal(names.Length, names.Distinct().Count());
        foreach (ushort segment in (ushort[])[0, 1])
        {
            foreach (ushort id in (ushort[])[0, 8, 0xff, 0x100, 0x218, 0xffff])
            {
                FirmwarePath path = read.FindPath(new PciAddress(segment, 0, 0, 0), new RequesterId(id));
                Assert.True(path.Iommu is null || read.Iommus.Contains(path.Iommu));
                Assert.True(path.Controller is null || read.MsiControllers.Contains(path.Controller));
            }
        }

        foreach (FirmwareReservedMemory memory in read.ReservedMemory)
        {
            Assert.True(memory.Region.Size > 0 && memory.Region.Last >= memory.Region.Base);
            Assert.True(memory.Functions.Count == 0 || memory.Functions.Contains(memory.Functions[^1]));
        }
    }

    private static void MustBeSentence(string sentence)
    {
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.True(sentence.Length > 20 && sentence.All(letter => letter is >= ' ' and < '\x7f'), sentence);
    }

    private static byte[] Spoil(Random random, byte[] table)
    {
        byte[] spoilt = [.. table];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(spoilt.Length);
            switch (random.Next(6))
            {
                case 0:
                    spoilt[at] = (byte)random.Next(256);
                    break;
                case 1:
                    spoilt[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 or 3: // a whole field becomes an extreme
                    ulong value = Extremes[random.Next(Extremes.Length)];
                    for (int field = 1 << random.Next(4); field > 0 && at < spoilt.Length; field--, at++, value >>= 8)
                    {
                        spoilt[at] = (byte)value;
                    }

                    break;
                case 4:
                    spoilt = spoilt[..Math.Max(at, 1)];
                    break;
                default: // a piece of it once more, somewhere else
                    int from = random.Next(spoilt.Length);
                    Array.Copy(spoilt, from, spoilt, at, Math.Min(random.Next(1, 32), spoilt.Length - Math.Max(from, at)));
                    break;
            }
        }

        return random.Next(8) == 0 ? spoilt : spoilt.Length >= 36 && random.Next(8) != 0 ? TableBuilder.Seal(spoilt) : spoilt.Length >= 10 ? TableBuilder.Sum(spoilt) : spoilt;
    }

    private static (string, byte[])[] Arm()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0, 1);
        int old = iort.Smmu(0x2b40_0000, 3, new IortBuilder.Row(0, 0xffff, 0x1_0000, group));
        int smmu = iort.SmmuV3(0x2b50_0000, 5, 0x10, (0, 0, 0, 0), 1, new IortBuilder.Row(0, 0xffff, 0, group), new IortBuilder.Row(0, 0, 7, group, Single: true));
        iort.NamedComponent(@"\_SB.DEV0", new IortBuilder.Row(0, 0, 9, smmu, Single: true));
        iort.RootComplex(0, new IortBuilder.Row(0, 0xff, 0, smmu), new IortBuilder.Row(0x100, 0xfeff, 0x100, old));
        iort.RootComplex(1, new IortBuilder.Row(0, 0xffff, 0x1_0000, smmu));
        iort.Rmr(1, [(0x8000_0000, 0x1_0000), (0x9000_0000, 0x1_0000)], new IortBuilder.Row(0, 3, 0x10, smmu), new IortBuilder.Row(0, 0, 0x1_0000, smmu));
        return [iort.Build(), Tables.Gic().Its(0, 0x0808_0000).Its(1, 0x080a_0000).Frame(0, 0x0802_0000).Build(), Tables.Mcfg((0, 0, 0xff), (1, 0, 0xff)).Build()];
    }

    private static (string, byte[])[] Intel() =>
    [
        DmarTests.Dmar().Unit(0, false, 0xfed9_0000, DmarTests.Scope(1, 0, (2, 0)), DmarTests.Scope(2, 0, (3, 0), (0, 0)))
            .Unit(0, true, 0xfed9_1000, DmarTests.Scope(3, 0xf0, (0x1f, 0)))
            .Rmrr(0, 0x7b80_0000, 0x7fff_ffff, DmarTests.Scope(1, 0, (2, 0)))
            .Other(2, body => body.Zeros(12)).Build(),
        Tables.Apic().Build(), Tables.Mcfg((0, 0, 0xff)).Build(),
    ];

    private static (string, byte[])[] Amd() =>
    [
        IvrsTests.Ivrs().Unit(0x11, 2, 0, 0xfeb8_0000, unit => unit.U8(3).U16(8).U8(0).U8(4).U16(0xff).U8(0).U8(0x43).U16(0x400).U16(0).U16(0x218).U8(0).U8(4).U16(0x4ff).U8(0).SouthbridgeIoApic())
            .Unit(0x40, 2, 0, 0xfeb8_0000, unit => unit.U8(1).U16(0).U8(0).SouthbridgeIoApic().U8(0xf0).U16(0x98).U8(0).Zeros(16).U8(2).U8(5).Text("\\_SB_", 5))
            .Memory(0x22, 1, 0x100, 0x1ff, 0x1000_0000, 0x1000).Build(),
        Tables.Apic().Build(),
    ];
}
