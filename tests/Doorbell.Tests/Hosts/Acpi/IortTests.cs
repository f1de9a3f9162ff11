using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Iommu;
using Doorbell.Machines;
using Row = Doorbell.Tests.Hosts.Acpi.IortBuilder.Row;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>IORT's nodes and the way over their ID mappings (DEN 0049E.f).</summary>
public class IortTests
{
    private const ulong Smmu = 0x2b40_0000;

    [Theory]
    [InlineData(0u, "SMMUv1", null)]
    [InlineData(1u, "SMMUv2", null)]
    [InlineData(2u, "SMMUv2", "mmu-400")]
    [InlineData(3u, "SMMUv2", "mmu-500")]
    [InlineData(4u, "SMMUv1", "mmu-401")]
    [InlineData(5u, "SMMUv2", "Cavium ThunderX")]
    public void I1_An_SMMU_of_version_1_or_2_is_found_with_its_model_and_its_offset_between_IDs(uint model, string version, string? product)
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(7);
        int smmu = iort.Smmu(Smmu, model, new Row(0x1000, 0xffff, 0x2_0000, group));
        iort.RootComplex(0, new Row(0x100, 0xff, 0x1000, smmu));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(7, 0x0808_0000).Build(), iort.Build());
        FirmwarePath path = firmware.Find("0000:01:00.1");

        FirmwareIommu found = Assert.Single(firmware.Iommus);
        Assert.Equal(($"{version} at 0x2b400000", SmmuModel.SmmuV2, product), (found.Name, found.Model, found.Product));
        Assert.Equal((true, found, 0x1001u, 0x2_0001u, "ITS 7 at 0x8080000"), (path.IsKnown, path.Iommu, path.StreamId, path.DeviceId, path.Controller?.Name));
    }

    // Event, PRI, error and sync: only where all four are wired does a table before E.e say that the index is none.
    [Theory]
    [InlineData(0, 0u, 1u, false)]
    [InlineData(1, 0u, 0u, true)]
    [InlineData(4, 0u, 0u, true)]
    [InlineData(4, 0u, 1u, false)]
    [InlineData(5, 0u, 0u, false)]
    [InlineData(5, 0x10u, 1u, true)]
    public void M11_The_mapping_for_an_SMMUv3s_own_MSIs_is_not_the_devices(byte revision, uint flags, uint sync, bool hasOwn)
    {
        var iort = new IortBuilder();
        int first = iort.ItsGroup(0), second = iort.ItsGroup(1);
        int smmu = iort.SmmuV3(Smmu, revision, flags, (1, 2, 3, sync), 0, new Row(0, 0xffff, 0x1_0000, first), new Row(0, 0xffff, 0, second));
        iort.RootComplex(0, new Row(0, 0xffff, 0, smmu));

        FirmwarePath path = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Its(1, 0x080a_0000).Build(), iort.Build()).Find("0000:00:01.0");

        Assert.Equal(hasOwn ? (0x080b_0040ul, 8u) : (0x0809_0040ul, 0x1_0008u), (path.Controller?.Doorbell, path.DeviceId));
        Assert.Equal(revision == 0 ? null : "Cavium CN99xx", path.Iommu!.Product);
    }

    [Fact]
    public void M11_Each_segment_has_a_root_complex_and_mappings_of_its_own()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int near = iort.SmmuV3(Smmu, new Row(0, 0xffff, 0x1_0000, group)), far = iort.SmmuV3(Smmu + 0x10_0000, new Row(0, 0xffff, 0x2_0000, group));
        iort.RootComplex(0, new Row(0, 0xffff, 0, near));
        iort.RootComplexOfRevision0(2, new Row(0, 0xffff, 0, far));
        iort.RootComplex(3, new Row(0, 0xffff, 0x3_0000, group));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.Equal((firmware.Iommus[0], 0x1_0100u), (firmware.Find("0000:01:00.0").Iommu, firmware.Find("0000:01:00.0").DeviceId));
        Assert.Equal((firmware.Iommus[1], 0x2_0100u), (firmware.Find("0002:01:00.0").Iommu, firmware.Find("0002:01:00.0").DeviceId));
        Assert.Equal((null, 0x3_0100u), (firmware.Find("0003:01:00.0").Iommu, firmware.Find("0003:01:00.0").DeviceId));
        Assert.False(firmware.Find("0001:01:00.0").IsKnown);
        Assert.Equal([0, 2, 3], firmware.PciHosts.Select(host => host.Segment));
    }

    [Fact]
    public void M10_A_requester_in_a_hole_of_the_root_complex_meets_no_SMMU_and_its_MSIs_a_frame_where_there_is_one()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int smmu = iort.SmmuV3(Smmu, new Row(0, 0xffff, 0, group));
        iort.RootComplex(0, new Row(0, 0xff, 0, smmu), new Row(0x200, 0xff, 0x200, smmu));
        (string, byte[]) table = iort.Build();

        FirmwarePath without = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), table).Find("0000:01:00.0");
        FirmwarePath with = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Frame(3, 0x0802_0000).Build(), table).Find("0000:01:00.0");

        Assert.Equal((true, null, null), (without.IsKnown, without.Iommu, without.Controller));
        Assert.Equal(["IORT, offset 0xa0"], without.Places());
        Assert.Equal((true, null, FirmwareMsiKind.GicV2m, 0x0802_0040ul), (with.IsKnown, with.Iommu, with.Controller!.Kind, with.Controller.Doorbell));
    }

    [Fact]
    public void M10_Behind_an_SMMU_that_leads_to_no_ITS_the_frame_takes_the_MSIs()
    {
        var iort = new IortBuilder();
        iort.RootComplex(0, new Row(0, 0xffff, 0, iort.SmmuV3(Smmu)));

        FirmwarePath path = Tables.Read(Tables.Gic(version: 2).Frame(0, 0x0802_0000).Build(), iort.Build()).Find("0000:00:01.0");

        Assert.Equal((true, "SMMUv3 at 0x2b400000", 8u, "GICv2m frame 0 at 0x8020000"), (path.IsKnown, path.Iommu?.Name, path.StreamId, path.Controller?.Name));
        Assert.Equal(["IORT, offset 0x9c", "IORT, offset 0x30", "APIC, offset 0x44"], path.Places());
    }

    [Fact]
    public void M11_An_ITS_that_MADT_lacks_is_noted_and_the_group_s_next_one_taken()
    {
        var iort = new IortBuilder();
        iort.RootComplex(0, new Row(0, 0xffff, 0, iort.ItsGroup(5, 6)));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(6, 0x0808_0000).Build(), iort.Build());

        Assert.Equal("ITS 6 at 0x8080000", firmware.Find("0000:00:01.0").Controller?.Name);
        Assert.Contains("the ITS 5, which APIC does not have", Assert.Single(firmware.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void M11_The_last_ID_of_a_range_is_the_next_ranges_where_that_begins_with_it()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int one = iort.SmmuV3(Smmu, new Row(0, 0xffff, 0, group)), two = iort.SmmuV3(Smmu + 0x10_0000, new Row(0, 0xffff, 0, group));

        // Counts one too high, as some tables have them, and one mapping of a single ID, which is right.
        iort.RootComplex(0, new Row(0, 0x100, 0, one), new Row(0x100, 0x100, 0x100, two), new Row(0x300, 0, 0x300, one));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.Equal(
            ["SMMUv3 at 0x2b400000", "SMMUv3 at 0x2b500000", "SMMUv3 at 0x2b500000", "SMMUv3 at 0x2b400000", null],
            new[] { "0000:00:1f.7", "0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:03:00.1" }.Select(function => firmware.Find(function).Iommu?.Name));
    }

    [Fact]
    public void A_single_mapping_is_not_followed_by_a_root_complex_nor_by_an_SMMU()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int smmu = iort.SmmuV3(Smmu, new Row(0, 0, 0x77, group, Single: true), new Row(0, 0xffff, 0, group));
        iort.RootComplex(0, new Row(0, 0, 0x55, group, Single: true), new Row(0, 0xff, 0, smmu));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());
        FirmwarePath path = firmware.Find("0000:00:01.0");

        Assert.Equal((true, 8u, 8u), (path.IsKnown, path.StreamId, path.DeviceId));
        Assert.False(firmware.Find("0000:01:00.0").IsKnown);
        Assert.Equal(2, firmware.Notes.Count);
        Assert.All(firmware.Notes, note => Assert.Contains("a single mapping in a", note, StringComparison.Ordinal));
    }

    [Fact]
    public void Components_and_counters_are_in_nobodys_way()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int smmu = iort.Smmu(Smmu, 3, new Row(0, 0xffff, 0, group));
        iort.NamedComponent(@"\_SB.GPU0", new Row(0, 0, 0x800, smmu, Single: true));
        iort.Pmcg(new Row(0, 0, 0x900, group, Single: true));
        iort.RootComplex(0, new Row(0, 0xffff, 0, smmu));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.Empty(firmware.Notes);
        Assert.Equal((true, 8u), (firmware.Find("0000:00:01.0").IsKnown, firmware.Find("0000:00:01.0").DeviceId));
    }

    [Fact]
    public void Mappings_that_lead_round_in_a_circle_or_nowhere_leave_the_way_unknown()
    {
        var iort = new IortBuilder();
        int smmu = iort.Next;
        iort.SmmuV3(Smmu, new Row(0, 0xffff, 0, smmu));
        iort.RootComplex(0, new Row(0, 0xff, 0, smmu), new Row(0x100, 0xff, 0, 0x31));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.False(firmware.Find("0000:00:01.0").IsKnown);
        Assert.False(firmware.Find("0000:01:00.0").IsKnown);
        Assert.Contains("leads to 0x31, where no node begins", Assert.Single(firmware.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void I9_Reserved_memory_is_for_the_functions_whose_StreamIDs_it_names()
    {
        var iort = new IortBuilder();
        int group = iort.ItsGroup(0);
        int smmu = iort.SmmuV3(Smmu, new Row(0, 0x1_ffff, 0, group));
        iort.RootComplex(1, new Row(0, 0xffff, 0x1_0000, smmu));
        iort.Rmr(0, [(0x8000_0000, 0x10_0000), (0x9000_0000, 0x1000)], new Row(0, 1, 0x1_0100, smmu), new Row(0, 0, 0x1_0308, smmu));
        iort.Rmr(1, [(0xa000_0000, 0x1000)], new Row(0, 0, 0x1_0100, smmu, Single: true));
        iort.Rmr(0, [(0xb000_0000, 0x1000)], new Row(0, 0, 5, smmu));
        iort.Rmr(0, [(0xc000_0000, 0)], new Row(0, 0, 0x1_0100, smmu));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.Equal(
            [(0x8000_0000ul, 0x10_0000ul, false), (0x9000_0000ul, 0x1000ul, false), (0xa000_0000ul, 0x1000ul, true)],
            firmware.ReservedMemory.Select(memory => (memory.Region.Base.Value, memory.Region.Size, memory.IsRelaxable)));
        Assert.All(firmware.ReservedMemory, memory => Assert.Equal((ReservedRegionType.Direct, "SMMUv3 at 0x2b400000", true), (memory.Region.Type, memory.Iommu, memory.FunctionsAreKnown)));
        Assert.Equal(["0001:01:00.0", "0001:01:00.1", "0001:03:01.0"], firmware.ReservedMemory[0].Functions.Select(function => function.ToString()));
        Assert.Equal(["0001:01:00.0"], firmware.ReservedMemory[2].Functions.Select(function => function.ToString()));
        Assert.Equal(2, firmware.Notes.Count);
    }

    [Fact]
    public void I9_Reserved_memory_of_before_E_d_had_other_fields_and_is_left_out_as_by_Linux()
    {
        var iort = new IortBuilder(revision: 1);
        int smmu = iort.SmmuV3(Smmu, new Row(0, 0xffff, 0, iort.ItsGroup(0)));
        iort.RootComplex(0, new Row(0, 0xffff, 0, smmu));
        iort.Node(6, 0, [], 28, body => body.U32(1).U32(0x18).U64(0x27b0_0000).U64(0x1000).U32(0));

        AcpiFirmware firmware = Tables.Read(Tables.Gic().Its(0, 0x0808_0000).Build(), iort.Build());

        Assert.Empty(firmware.ReservedMemory);
        Assert.Contains("in an IORT of revision 1, before 5, is left out", Assert.Single(firmware.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_IORT_nobody_is_sent_to_an_ITS_and_a_frame_takes_all_MSIs()
    {
        (string File, byte[] Bytes)[] tables = [Tables.Gic().Its(0, 0x0808_0000).Frame(1, 0x0802_0000).Frame(2, 0x0803_0000).Build(), Tables.Mcfg((0, 0, 0xff)).Build()];
        AcpiFirmware firmware = Tables.ReadAll(tables);
        FirmwarePath path = firmware.Find("0000:00:01.0");

        Assert.Equal((true, null, "GICv2m frame 1 at 0x8020000"), (path.IsKnown, path.Iommu, path.Controller?.Name));
        Assert.Equal(2, firmware.Notes.Count);
        Assert.Contains("there are 2 GICv2m frames", firmware.Notes[0], StringComparison.Ordinal);
        Assert.StartsWith("There is no IORT", firmware.Notes[1], StringComparison.Ordinal);

        // Of loose files nobody knows whether they are all.
        Assert.False(Tables.Read(tables).Find("0000:00:01.0").IsKnown);
        Assert.False(Tables.Read(Tables.Apic().Build(), Tables.Mcfg((0, 0, 0xff)).Build()).Find("0000:00:01.0").IsKnown);
        Assert.True(Tables.ReadAll(Tables.Apic().Build(), Tables.Mcfg((0, 0, 0xff)).Build()).Find("0000:00:01.0") is { IsKnown: true, Iommu: null });
    }
}
