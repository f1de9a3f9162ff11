using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using IommuUnit = Doorbell.Iommu.Iommu;

namespace Doorbell.Tests.Iommu;

public class IommuTests
{
    private static readonly StreamId Igb = new(8);

    public static TheoryData<string> Models => [.. IommuModel.All.Select(model => model.Name)];

    [Fact]
    public void A_doorbell_is_bound_translated_and_gone_again_as_on_the_captured_board()
    {
        IommuHarness harness = new();
        Assert.Equal(0x40201000UL, harness.Domain.PageSizes);
        Assert.Equal(new Iova(0xffff_ffff_ffff), harness.Domain.ApertureEnd);
        Assert.True(harness.Iommu.Attach(Igb, harness.Domain).IsOk);

        Assert.Equal(new Iova(0x800_0040), harness.Get(0x809_0040));

        Assert.True(harness.Iommu.GetStream(Igb).TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(new PhysicalAddress(0x809_0040), pa);
        IommuMapEvent map = Assert.Single(harness.Seen.OfType<IommuMapEvent>());
        Assert.Equal((0x800_0000UL, 0x809_0000UL, 0x1000UL, 0x1a), (map.Iova.Value, map.PhysicalAddress.Value, map.Size, (int)map.Protection));
    }

    [Theory]
    [InlineData("smmu-v3", true)]
    [InlineData("smmu-v2", true)]
    [InlineData("mmu-500", true)]
    [InlineData("mmu-401", true)]
    [InlineData("vt-d", false)]
    [InlineData("amd-vi", false)]
    public void I1_MSI_writes_need_a_mapping_where_they_are_translated(string model, bool translated)
    {
        IommuUnit unit = new(model, IommuModel.Find(model)!, new EventStream());
        Assert.Equal(translated, unit.AllocateDomain(IommuDomainType.Unmanaged).MsiMapping);
        Assert.Equal(translated, unit.AllocateDomain(IommuDomainType.Blocked).MsiMapping);
        Assert.False(unit.AllocateDomain(IommuDomainType.Identity).MsiMapping);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void I2_only_an_x86_unit_with_remapping_on_claims_it(string model)
    {
        IommuModel found = IommuModel.Find(model)!;
        Assert.Equal(model is "vt-d" or "amd-vi", new IommuUnit(model, found, new EventStream()).ClaimsInterruptRemapping);
        Assert.False(new IommuUnit(model, found, new EventStream(), new IommuOptions { InterruptRemapping = false }).ClaimsInterruptRemapping);
    }

    [Theory]
    [InlineData("smmu-v3", 0x800_0000, ReservedRegionType.SoftwareMsi)]
    [InlineData("mmu-401", 0x800_0000, ReservedRegionType.SoftwareMsi)]
    [InlineData("vt-d", 0xfee0_0000, ReservedRegionType.Msi)]
    public void I9_a_unit_reserves_one_MiB_for_MSIs(string model, ulong start, ReservedRegionType type)
    {
        IommuUnit unit = new(model, IommuModel.Find(model)!, new EventStream());
        Assert.Equal([new ReservedRegion(new Iova(start), 0x10_0000, type)], unit.GetReservedRegions());
    }

    [Fact]
    public void MMU_401_has_stage_2s_forty_bits() =>
        Assert.Equal(new Iova(0xff_ffff_ffff), new IommuUnit("smmu", IommuModel.Mmu401, new EventStream()).AllocateDomain(IommuDomainType.Unmanaged).ApertureEnd);

    [Theory]
    [InlineData(0x2000, IommuProtection.Read, IommuFaultReason.Translation, "F_TRANSLATION")]
    [InlineData(0x1000, IommuProtection.Write, IommuFaultReason.Permission, "F_PERMISSION")]
    [InlineData(0x8000_0000_0000_0000, IommuProtection.Write, IommuFaultReason.Translation, "F_TRANSLATION")]
    public void I10_a_fault_names_stream_IOVA_direction_and_reason_and_is_counted(ulong iova, IommuProtection access, IommuFaultReason reason, string name)
    {
        IommuHarness harness = new();
        Assert.True(harness.Domain.Map(new Iova(0x1000), new PhysicalAddress(0x1_0000_0000_1000), 0x1000, IommuProtection.Read).IsOk);
        Assert.True(harness.Iommu.Attach(Igb, harness.Domain).IsOk);
        StreamTableEntry stream = harness.Iommu.GetStream(Igb);

        Assert.False(stream.TryTranslate(new Iova(iova), access, out PhysicalAddress pa, out ulong contiguous));

        Assert.Equal((default, 0UL), (pa, contiguous));
        Assert.Equal(new IommuFaultEvent("smmu@9050000", Igb, new Iova(iova), access, reason, name, IommuModel.SmmuV3.CodeOf(reason, access)), Assert.Single(harness.Seen.OfType<IommuFaultEvent>()));
        Assert.Equal((1, 1), (stream.FaultCount, harness.Iommu.FaultCount));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void I10_every_model_has_its_manuals_name_for_every_reason(string model)
    {
        IommuFaultReason[] reasons = Enum.GetValues<IommuFaultReason>();
        Assert.Equal(reasons.Length, reasons.Select(reason => IommuModel.Find(model)!.NameOf(reason)).Distinct().Count());
    }

    [Fact]
    public void I10_faults_are_counted_while_nobody_listens()
    {
        IommuUnit unit = new("smmu", IommuModel.SmmuV2, new EventStream());
        for (int i = 0; i < 3; i++)
        {
            Assert.False(unit.GetStream(Igb).TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
        }

        Assert.Equal(3, unit.FaultCount);
    }

    [Fact]
    public void I10_an_unattached_stream_is_blocked_and_says_so()
    {
        IommuHarness harness = new();
        Assert.False(harness.Iommu.GetStream(Igb).TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
        Assert.Equal(IommuFaultReason.Blocked, Assert.Single(harness.Seen.OfType<IommuFaultEvent>()).Reason);
    }

    [Fact]
    public void I10_a_stream_the_table_does_not_have_is_a_bad_one_even_where_the_others_pass()
    {
        IommuHarness harness = new(options: new IommuOptions { UnattachedStreams = IommuDomainType.Identity, StreamIdBits = 8 });
        Assert.True(harness.Iommu.GetStream(new StreamId(0xff)).TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
        Assert.False(harness.Iommu.GetStream(new StreamId(0x100)).TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
        Assert.Equal("C_BAD_STREAMID", Assert.Single(harness.Seen.OfType<IommuFaultEvent>()).ReasonName);
        Assert.Equal(Errno.ERANGE, harness.Iommu.Attach(new StreamId(0x100), harness.Domain).Errno);
    }

    [Fact]
    public void Identity_never_reaches_a_clients_address_space()
    {
        IommuHarness harness = new();
        Assert.True(harness.Iommu.Attach(Igb, harness.Iommu.AllocateDomain(IommuDomainType.Identity)).IsOk);
        StreamTableEntry stream = harness.Iommu.GetStream(Igb);
        Assert.True(stream.TryTranslate(new Iova(0xffff_ffff_ffff), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(0xffff_ffff_ffffUL, pa.Value);
        Assert.False(stream.TryTranslate(new Iova(0x1_0000_0000_1000), IommuProtection.Write, out _));
        Assert.Equal("F_ADDR_SIZE", Assert.Single(harness.Seen.OfType<IommuFaultEvent>()).ReasonName);
    }

    [Theory]
    [InlineData("vt-d")]
    [InlineData("amd-vi")]
    public void On_x86_a_write_to_the_MSI_range_is_not_translated_and_a_read_is(string model)
    {
        IommuUnit unit = new(model, IommuModel.Find(model)!, new EventStream());
        StreamTableEntry stream = unit.GetStream(Igb);
        Assert.True(stream.TryTranslate(new Iova(0xfeef_fff0), IommuProtection.Write, out PhysicalAddress pa, out ulong contiguous));
        Assert.Equal((0xfeef_fff0UL, 0x10UL), (pa.Value, contiguous));
        Assert.False(stream.TryTranslate(new Iova(0xfee0_0000), IommuProtection.Read, out _));
        Assert.False(stream.TryTranslate(new Iova(0xfedf_ffff), IommuProtection.Write, out _));
        Assert.False(stream.TryTranslate(new Iova(0xfef0_0000), IommuProtection.Write, out _));
    }

    [Fact]
    public void A_streams_entry_is_one_object_and_follows_attach_and_detach()
    {
        IommuHarness harness = new();
        StreamTableEntry stream = harness.Iommu.GetStream(Igb);
        Assert.Same(harness.Iommu.UnattachedDomain, stream.Domain);
        Assert.True(harness.Iommu.Attach(Igb, harness.Domain).IsOk);
        Assert.Same(stream, harness.Iommu.GetStream(Igb));
        Assert.Same(harness.Domain, stream.Domain);
        IommuDomain other = harness.Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(harness.Iommu.Attach(Igb, other).IsOk);

        // It left that domain before, so the domain's end does not touch it.
        harness.Domain.Free();

        Assert.Same(other, stream.Domain);
        harness.Iommu.Detach(Igb);
        harness.Iommu.Detach(Igb);
        Assert.False(stream.IsAttached);
        Assert.Equal(["iommu.invalidate", "iommu.attach", "iommu.invalidate", "iommu.attach", "iommu.invalidate", "iommu.detach"], harness.Kinds);
    }

    [Fact]
    public void A_domain_takes_its_own_units_streams_only()
    {
        IommuHarness harness = new();
        IommuUnit other = new("smmu@2", IommuModel.SmmuV3, harness.Stream);
        Assert.Equal(Errno.EINVAL, other.Attach(Igb, harness.Domain).Errno);
        Assert.False(other.GetStream(Igb).IsAttached);
    }

    [Fact]
    public void What_unattached_streams_see_never_ends() =>
        Assert.Throws<InvalidOperationException>(new IommuHarness().Iommu.UnattachedDomain.Free);

    [Fact]
    public void A_domain_without_tables_maps_nothing() =>
        Assert.Equal(Errno.ENODEV, new IommuHarness().Iommu.UnattachedDomain.Map(new Iova(0), new PhysicalAddress(0), 0x1000, IommuProtection.Read).Errno);

    [Theory]
    [InlineData(0x2000, 48, 16)]
    [InlineData(0x1000, 31, 16)]
    [InlineData(0x1000, 48, 33)]
    [InlineData(0x1000, 48, 0)]
    public void A_unit_the_architecture_does_not_have_cannot_be_built(ulong granule, int inputBits, int streamIdBits) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IommuUnit("smmu", IommuModel.SmmuV3, new EventStream(), new IommuOptions { Granule = granule, InputBits = inputBits, StreamIdBits = streamIdBits }));

    [Fact]
    public void Every_event_describes_itself()
    {
        IommuHarness harness = new();
        harness.Iommu.Attach(Igb, harness.Domain);
        Iova iova = harness.Get(0x809_0040);
        harness.Get(0x809_0040);
        harness.Domain.PutReservedIova(iova);
        harness.Domain.PutReservedIova(iova);
        harness.Iommu.GetStream(Igb).TryTranslate(iova, IommuProtection.Write, out _);
        harness.Iommu.Detach(Igb);
        Assert.Equal(
            [
                "iommu.invalidate iommu=smmu@9050000 stream=0x8 command=CMD_CFGI_STE",
                "iommu.attach iommu=smmu@9050000 stream=0x8 domain=1 type=Unmanaged",
                "iommu.map iommu=smmu@9050000 domain=1 iova=0x8000000 pa=0x8090000 size=0x1000 prot=0x1a",
                "doorbell.bind iommu=smmu@9050000 domain=1 pa=0x8090000 iova=0x8000000 size=0x1000 references=1",
                "doorbell.get iommu=smmu@9050000 domain=1 pa=0x8090000 iova=0x8000000 size=0x1000 references=2",
                "doorbell.put iommu=smmu@9050000 domain=1 pa=0x8090000 iova=0x8000000 size=0x1000 references=1",
                "iommu.invalidate iommu=smmu@9050000 domain=1 iova=0x8000000 size=0x1000 command=CMD_TLBI_NH_VA",
                "iommu.unmap iommu=smmu@9050000 domain=1 iova=0x8000000 size=0x1000 unmapped=0x1000",
                "doorbell.unbind iommu=smmu@9050000 domain=1 pa=0x8090000 iova=0x8000000 size=0x1000 references=0",
                "iommu.fault iommu=smmu@9050000 stream=0x8 iova=0x8000040 direction=write reason=F_TRANSLATION code=0x10",
                "iommu.invalidate iommu=smmu@9050000 stream=0x8 command=CMD_CFGI_STE",
                "iommu.detach iommu=smmu@9050000 stream=0x8 domain=1",
            ],
            harness.Seen.Select(static told => told.ToString()));
    }
}
