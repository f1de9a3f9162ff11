using Doorbell.Hosts.Acpi;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>What the readers take out of a table besides what ways are made of.</summary>
public class ReaderTests
{
    [Fact]
    public void MADT_has_the_GICs_version_the_frames_SPIs_and_who_has_local_APICs()
    {
        MadtTable arm = MadtTable.Read(Read(Tables.Gic(version: 4).Frame(1, 0x0802_0000, first: 80, count: 64).U8(0x0d).U8(24).U16(0).U32(2).U64(0x0803_0000).U32(0).U16(7).U16(9))).Value;
        MadtTable x86 = MadtTable.Read(Read(Tables.Apic(ioApic: 9))).Value;

        Assert.Equal(((byte?)4, true, false), (arm.GicVersion, arm.HasGic, arm.HasLocalApic));
        Assert.Equal([(80, 64), null], arm.MsiFrames.Select(frame => frame.Spis is { } spis ? ((int, int)?)(spis.First, spis.Count) : null));
        Assert.Equal((null, false, true), (x86.GicVersion, x86.HasGic, x86.HasLocalApic));
        Assert.Equal([(byte)9], x86.IoApics.Select(ioApic => ioApic.Id));
    }

    [Theory]
    [InlineData(0x0c, 20)]
    [InlineData(0x0d, 20)]
    [InlineData(0x0f, 16)]
    [InlineData(0x01, 8)]
    public void An_entry_of_MADT_that_is_too_short_for_its_type_refuses_the_table(byte type, byte size)
    {
        Result<MadtTable> madt = MadtTable.Read(Read(new TableBuilder("APIC").U32(0).U32(0).U8(type).U8(size).Zeros(size - 2)));

        Assert.Equal(Errno.EINVAL, madt.Errno);
        Assert.StartsWith($"APIC, offset 0x2c: an entry of type 0x{type:x2} has {size} bytes: expected ", madt.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void IORT_has_the_components_by_name_and_passes_over_kinds_it_does_not_know()
    {
        var iort = new IortBuilder();
        iort.NamedComponent(@"\_SB.USB0");
        iort.Node(200, 0, [], 12, body => body.Zeros(12));
        iort.ItsGroup(3, 5);

        IortTable table = IortTable.Read(AcpiTable.Read("iort", iort.Build().Bytes).Value).Value;

        Assert.Equal(@"\_SB.USB0", Assert.IsType<IortNamedComponent>(table.Nodes[0]).Name);
        Assert.IsType<IortNode>(table.Nodes[1]);
        Assert.Equal([3u, 5u], Assert.IsType<IortItsGroup>(table.Nodes[2]).Ids);
    }

    [Fact]
    public void IVRS_has_an_IOMMUs_extended_features_where_its_block_has_them()
    {
        IvrsTable ivrs = IvrsTable.Read(Read(IvrsTests.Ivrs().Unit(0x10, 2, 0, 0x1000, _ => { }).Unit(0x11, 3, 0, 0x2000, _ => { }))).Value;

        Assert.Equal([null, 0x22_94ef_2225_4adeul], ivrs.Units.Select(unit => unit.ExtendedFeatures));
        Assert.Equal(48, ivrs.VirtualAddressBits);
    }

    private static AcpiTable Read(TableBuilder table)
    {
        (string file, byte[] bytes) = table.Build();
        return AcpiTable.Read(file, bytes).Value;
    }
}
