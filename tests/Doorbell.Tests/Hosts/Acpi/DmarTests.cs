using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>DMAR's units and reserved memory (VT-d 4.1, chapter 8).</summary>
public class DmarTests
{
    private const byte Endpoint = 1, Hierarchy = 2, IoApic = 3;

    [Theory]
    [InlineData(0, false, false)]
    [InlineData(1, true, false)]
    [InlineData(3, true, true)]
    public void M2_VT_d_remaps_interrupts_where_the_flag_says_so(byte flags, bool remaps, bool optsOut)
    {
        AcpiFirmware firmware = Read(null, Dmar(flags).Unit(0, true, 0xfed9_0000));

        Assert.Equal(remaps, Assert.Single(firmware.Iommus).InterruptRemapping);
        Assert.Equal(optsOut, firmware.OptsOutOfX2Apic);
        Assert.Equal(MachineArchitecture.X86, firmware.Architecture);
    }

    [Fact]
    public void The_unit_that_names_a_function_has_it_and_the_one_for_all_has_the_rest_of_its_segment()
    {
        AcpiFirmware firmware = Read(
            null,
            Dmar().Unit(0, true, 0xfed9_1000, Scope(IoApic, 0, (0x1e, 7))).Unit(0, false, 0xfed9_0000, Scope(Endpoint, 0, (2, 0))).Unit(1, false, 0xfed9_2000, Scope(Endpoint, 0x80, (1, 0))));

        Assert.Equal("DRHD at 0xfed90000", firmware.Find("0000:00:02.0").Iommu?.Name);
        Assert.Equal(["DMAR, offset 0x48", "DMAR, offset 0x58"], firmware.Find("0000:00:02.0").Places());
        Assert.Equal("DRHD at 0xfed91000", firmware.Find("0000:00:1f.3").Iommu?.Name);
        Assert.Equal((true, "DRHD at 0xfed92000"), (firmware.Find("0001:80:01.0").IsKnown, firmware.Find("0001:80:01.0").Iommu?.Name));
        Assert.Equal((true, null), (firmware.Find("0001:80:02.0").IsKnown, firmware.Find("0001:80:02.0").Iommu));
        Assert.False(firmware.Find("0002:00:00.0").IsKnown);
        Assert.Equal(0x10u, firmware.Find("0000:00:02.0").StreamId);
        Assert.Null(firmware.Find("0000:00:02.0").Controller);
    }

    [Fact]
    public void A_scope_goes_over_bridges_by_their_bus_numbers_and_has_what_is_behind_its_bridge()
    {
        AcpiFirmware firmware = Read(
            Bridges(("0000:00:1c.0", 1, 4), ("0000:01:02.0", 3, 3)),
            Dmar().Unit(0, false, 0xfed9_0000, Scope(Endpoint, 0, (0x1c, 0), (2, 0), (5, 1))).Unit(0, false, 0xfed9_1000, Scope(Hierarchy, 0, (0x1c, 0))).Unit(0, true, 0xfed9_2000));

        Assert.Equal("DRHD at 0xfed90000", firmware.Find("0000:03:05.1").Iommu?.Name);
        Assert.Equal("DRHD at 0xfed91000", firmware.Find("0000:03:05.0").Iommu?.Name);
        Assert.Equal("DRHD at 0xfed91000", firmware.Find("0000:00:1c.0").Iommu?.Name);
        Assert.Equal("DRHD at 0xfed92000", firmware.Find("0000:05:00.0").Iommu?.Name);
    }

    [Fact]
    public void Without_a_bridges_bus_numbers_who_may_be_behind_it_has_no_known_way()
    {
        AcpiFirmware firmware = Read(null, Dmar().Unit(0, false, 0xfed9_0000, Scope(Endpoint, 0, (0x1c, 0), (0, 0))).Unit(0, true, 0xfed9_1000));

        Assert.Equal("DRHD at 0xfed91000", firmware.Find("0000:00:1f.0").Iommu?.Name);
        FirmwarePath behind = firmware.Find("0000:01:00.0");
        Assert.False(behind.IsKnown);
        Assert.Equal(["DMAR, offset 0x40"], behind.Places());
        Assert.Contains("0000:00:1c.0, whose bus numbers are not known", Assert.Single(firmware.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void I9_Reserved_memory_is_direct_and_for_the_functions_of_its_scopes()
    {
        AcpiFirmware firmware = Read(
            Bridges(("0000:00:1c.0", 1, 1)),
            Dmar().Unit(0, true, 0xfed9_0000)
                .Rmrr(0, 0x7b80_0000, 0x7fff_ffff, Scope(Endpoint, 0, (2, 0)), Scope(Endpoint, 0, (0x14, 0)))
                .Rmrr(0, 0x1000, 0x1fff, Scope(Hierarchy, 0, (0x1c, 0)))
                .Rmrr(0, 0x3000, 0x3fff, Scope(Endpoint, 0, (0x1d, 0), (0, 0)))
                .Rmrr(0, 0x2000, 0xfff, Scope(Endpoint, 0, (3, 0))));

        Assert.Equal(3, firmware.ReservedMemory.Count);
        FirmwareReservedMemory graphics = firmware.ReservedMemory[0];
        Assert.Equal(new ReservedRegion(new Iova(0x7b80_0000), 0x480_0000, ReservedRegionType.Direct), graphics.Region);
        Assert.Equal(["0000:00:02.0", "0000:00:14.0"], graphics.Functions.Select(function => function.ToString()));
        Assert.Equal("DMAR, offset 0x40", graphics.Evidence.ToString());
        Assert.Equal(257, firmware.ReservedMemory[1].Functions.Count);
        Assert.Contains(Tables.Address("0000:01:1f.7"), firmware.ReservedMemory[1].Functions);
        Assert.Equal((0, false), (firmware.ReservedMemory[2].Functions.Count, firmware.ReservedMemory[2].FunctionsAreKnown));
        Assert.Contains(firmware.Notes, note => note.EndsWith("reserved memory from 0x2000 to 0xfff is no range, and is left out.", StringComparison.Ordinal));
    }

    [Fact]
    public void What_does_not_bear_on_ways_is_skipped_by_its_length()
    {
        AcpiFirmware firmware = Read(
            null,
            Dmar().Unit(0, true, 0xfed9_0000)
                .Other(2, body => body.U8(1).U8(0).U16(0).U8(9).U8(3))
                .Other(3, body => body.U32(0).U64(0xfed9_0000).U32(1))
                .Other(4, body => body.Zeros(3).U8(1).Text(@"\_SB.I2C0", 10))
                .Other(5, body => body.U8(1).U8(0).U16(0).U8(Endpoint).U8(8).U16(0).U8(0).U8(0).U8(2).U8(0))
                .Other(0x7777, body => body.Zeros(60))
                .Unit(1, true, 0xfed9_1000));

        Assert.Equal(["DRHD at 0xfed90000", "DRHD at 0xfed91000"], firmware.Iommus.Select(unit => unit.Name));
        Assert.Empty(firmware.Notes);
    }

    [Theory]
    [InlineData(4, 0x32, "expected 4 to")]
    [InlineData(0, 0x32, "a structure of 0 bytes does not fit")]
    [InlineData(9, 0x41, "a device scope of 9 bytes does not fit")]
    [InlineData(6, 0x41, "a device scope has no path")]
    [InlineData(0x20, 0x46, "by device 0x20")]
    public void A_broken_structure_refuses_the_table_and_its_place_is_told(byte value, int offset, string sentence)
    {
        byte[] table = Dmar().Unit(0, false, 0xfed9_0000, Scope(Endpoint, 0, (2, 0))).Build().Bytes;
        table[offset] = value;
        if (sentence.StartsWith("expected 4", StringComparison.Ordinal))
        {
            table[offset + 1] = 4;
        }

        AcpiFirmware firmware = Tables.Read(Tables.Apic().Build(), ("dmar.dat", TableBuilder.Sum(table)));

        string note = Assert.Single(firmware.Notes);
        Assert.StartsWith("dmar.dat, offset 0x", note, StringComparison.Ordinal);
        Assert.Contains(sentence, note, StringComparison.Ordinal);
        Assert.EndsWith("; the table is left out.", note, StringComparison.Ordinal);
        Assert.False(firmware.Find("0000:00:02.0").IsKnown);
    }

    internal static TableBuilder Dmar(byte flags = 1) => new TableBuilder("DMAR").U8(45).U8(flags).Zeros(10);

    private static AcpiFirmware Read(Func<PciAddress, AcpiBridgeBuses?>? bridges, TableBuilder dmar) => Tables.Read(bridges, Tables.Apic().Build(), dmar.Build());

    private static Func<PciAddress, AcpiBridgeBuses?> Bridges(params (string Address, byte Secondary, byte Subordinate)[] bridges) =>
        address => bridges.Where(bridge => bridge.Address == address.ToString()).Select(bridge => (AcpiBridgeBuses?)new AcpiBridgeBuses(bridge.Secondary, bridge.Subordinate)).FirstOrDefault();

    internal static Action<TableBuilder> Scope(byte type, byte bus, params (byte Device, byte Function)[] path) => table => table.Sized(1, 1, scope =>
    {
        scope.U8(type).U8(0).U16(0).U8(0).U8(bus);
        foreach ((byte device, byte function) in path)
        {
            scope.U8(device).U8(function);
        }
    });
}
