using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using IommuUnit = Doorbell.Iommu.Iommu;

namespace Doorbell.Tests.Iommu;

/// <summary>How SMMUv3 (stream table) and SMMUv2 (stream matching, context banks) come from a stream to a domain, and what they say when they do not.</summary>
public class StreamTests
{
    private static readonly Iova Page = new(0x4000_0000);

    private readonly EventStream _events = new();
    private readonly List<MachineEvent> _seen = [];

    public StreamTests() => _events.Subscribe(_seen.Add);

    [Fact]
    public void SMMUv3s_entry_says_abort_bypass_or_translate()
    {
        IommuUnit smmu = new("smmu", IommuModel.SmmuV3, _events);
        StreamTableEntry stream = smmu.GetStream(new StreamId(8));
        Assert.Equal(StreamConfiguration.Abort, stream.Configuration);
        Assert.True(smmu.Attach(new StreamId(8), smmu.AllocateDomain(IommuDomainType.Identity)).IsOk);
        Assert.Equal(StreamConfiguration.Bypass, stream.Configuration);
        Assert.True(smmu.Attach(new StreamId(8), smmu.AllocateDomain(IommuDomainType.Unmanaged)).IsOk);
        Assert.Equal(StreamConfiguration.TranslateStage1, stream.Configuration);
        Assert.Equal(StreamConfiguration.Unknown, smmu.GetStream(new StreamId(0x1_0000)).Configuration);
    }

    [Fact]
    public void I10_SMMUv2_does_not_know_a_stream_that_no_register_group_matches()
    {
        IommuUnit smmu = new("smmu", IommuModel.Mmu401, _events, new IommuOptions { InputBits = 40 });
        StreamTableEntry stream = smmu.GetStream(new StreamId(8));
        Assert.Equal((StreamConfiguration.Unknown, "USF: unidentified stream", 2u), Refused(stream));
        Assert.True(smmu.Attach(new StreamId(8), smmu.AllocateDomain(IommuDomainType.Blocked)).IsOk);
        Assert.Equal((StreamConfiguration.Abort, "ICF: stream of type fault", 1u), Refused(stream));
        Assert.True(smmu.Attach(new StreamId(8), smmu.AllocateDomain(IommuDomainType.Unmanaged)).IsOk);
        Assert.Equal((StreamConfiguration.TranslateStage2, "TF: translation fault", 2u), Refused(stream));
        Assert.Equal((1, 1), (smmu.MatchedStreams, smmu.ContextBanksInUse));
        smmu.Detach(new StreamId(8));
        Assert.Equal(StreamConfiguration.Unknown, Refused(stream).Item1);
        Assert.Equal(0, smmu.MatchedStreams);
    }

    [Fact]
    public void SMMUv2_runs_out_of_register_groups_with_ENOSPC_and_a_sentence()
    {
        IommuUnit smmu = new("smmu", IommuModel.SmmuV2, _events, new IommuOptions { StreamMappingGroups = 2 });
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(smmu.Attach(new StreamId(1), domain).IsOk);
        Assert.True(smmu.Attach(new StreamId(2), domain).IsOk);
        Result third = smmu.Attach(new StreamId(3), domain);
        Assert.Equal(Errno.ENOSPC, third.Errno);
        Assert.Contains("all 2 stream mapping register groups", third.Reason, StringComparison.Ordinal);
        Assert.False(smmu.GetStream(new StreamId(3)).IsAttached);

        // One that has a group may go to another domain; one that leaves gives its group back.
        Assert.True(smmu.Attach(new StreamId(2), smmu.AllocateDomain(IommuDomainType.Identity)).IsOk);
        smmu.Detach(new StreamId(1));
        Assert.True(smmu.Attach(new StreamId(3), domain).IsOk);
    }

    [Fact]
    public void SMMUv2_runs_out_of_context_banks_with_ENOSPC_until_a_domain_is_freed()
    {
        IommuUnit smmu = new("smmu", IommuModel.SmmuV2, _events, new IommuOptions { ContextBanks = 1 });
        IommuDomain first = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        IommuDomain second = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(smmu.Attach(new StreamId(1), first).IsOk);
        Assert.True(smmu.Attach(new StreamId(2), first).IsOk);
        Result refused = smmu.Attach(new StreamId(2), second);
        Assert.Equal(Errno.ENOSPC, refused.Errno);
        Assert.Contains("context banks", refused.Reason, StringComparison.Ordinal);
        Assert.Same(first, smmu.GetStream(new StreamId(2)).Domain);
        // Neither of these needs one.
        Assert.True(smmu.Attach(new StreamId(3), smmu.AllocateDomain(IommuDomainType.Identity)).IsOk);
        Assert.True(smmu.Attach(new StreamId(4), smmu.AllocateDomain(IommuDomainType.Blocked)).IsOk);
        first.Free();
        Assert.True(smmu.Attach(new StreamId(2), second).IsOk);
    }

    [Fact]
    public void SMMUv2_streams_that_differ_in_masked_bits_only_are_one()
    {
        IommuUnit smmu = new("smmu", IommuModel.Mmu500, _events, new IommuOptions { StreamMatchMask = 0x7f80 });
        Assert.Same(smmu.GetStream(new StreamId(0x12)), smmu.GetStream(new StreamId(0x192)));
        Assert.NotSame(smmu.GetStream(new StreamId(0x12)), smmu.GetStream(new StreamId(0x13)));
    }

    [Theory]
    [InlineData("smmu-v3", IommuProtection.Write, "F_TRANSLATION", 0x10u)]
    [InlineData("smmu-v2", IommuProtection.Read, "TF: translation fault", 0x02u)]
    [InlineData("vt-d", IommuProtection.Write, "05h: not present for writing", 0x05u)]
    [InlineData("vt-d", IommuProtection.Read, "06h: not present for reading", 0x06u)]
    [InlineData("amd-vi", IommuProtection.Write, "IO_PAGE_FAULT: not present", 0x02u)]
    public void I10_a_fault_has_its_manuals_name_and_code_and_is_the_last_one(string model, IommuProtection access, string name, uint code)
    {
        IommuUnit unit = new("unit", IommuModel.Find(model)!, _events);
        StreamTableEntry stream = unit.GetStream(new StreamId(8));
        Assert.Null(stream.LastFault);
        Assert.True(unit.Attach(new StreamId(8), unit.AllocateDomain(IommuDomainType.Unmanaged)).IsOk);
        Assert.False(stream.TryTranslate(Page, access, out _));
        IommuFaultEvent fault = Assert.Single(_seen.OfType<IommuFaultEvent>());
        Assert.Equal((name, code), (fault.ReasonName, fault.Code));
        Assert.Equal(new IommuFault(new StreamId(8), Page, access, IommuFaultReason.Translation), stream.LastFault);
        Assert.Equal(stream.LastFault, unit.LastFault);
        Assert.Equal((1L, 1L), (stream.FaultCount, unit.FaultCount));
    }

    [Fact]
    public void A_PA_beyond_the_output_size_is_not_mapped_and_client_memory_is_no_such_PA()
    {
        IommuUnit smmu = new("smmu", IommuModel.SmmuV3, _events, new IommuOptions { OutputBits = 36 });
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(Errno.ERANGE, Map(1UL << 36, 0x1000).Errno);
        Assert.Equal(Errno.ERANGE, Map((1UL << 36) - 0x1000, 0x2000).Errno);
        Assert.Equal(0, domain.EntryCount);
        Assert.True(Map((1UL << 36) - 0x1000, 0x1000).IsOk);
        domain.Unmap(Page, 0x1000);
        Assert.True(Map((3UL << 48) | 0x7fff_0000_0000, 0x1000).IsOk);

        Result Map(ulong pa, ulong size) => domain.Map(Page, new PhysicalAddress(pa), size, IommuProtection.Write);
    }

    [Fact]
    public void I10_what_goes_through_untranslated_is_refused_beyond_the_output_size()
    {
        IommuUnit smmu = new("smmu", IommuModel.SmmuV3, _events, new IommuOptions { OutputBits = 40 });
        Assert.True(smmu.Attach(new StreamId(8), smmu.AllocateDomain(IommuDomainType.Identity)).IsOk);
        StreamTableEntry stream = smmu.GetStream(new StreamId(8));
        Assert.True(stream.TryTranslate(new Iova((1UL << 40) - 4), IommuProtection.Write, out _, out ulong contiguous));
        Assert.Equal(4UL, contiguous);
        Assert.False(stream.TryTranslate(new Iova(1UL << 40), IommuProtection.Write, out _));
        Assert.Equal(("F_ADDR_SIZE", 0x11u), (_seen.OfType<IommuFaultEvent>().Last().ReasonName, _seen.OfType<IommuFaultEvent>().Last().Code));
    }

    [Theory]
    [InlineData("vt-d", IommuFaultReason.AddressSize, 0x04u)]
    [InlineData("amd-vi", IommuFaultReason.AddressSize, 0x02u)]
    [InlineData("smmu-v3", IommuFaultReason.Translation, 0x10u)]
    [InlineData("mmu-401", IommuFaultReason.Translation, 0x02u)]
    public void I10_an_address_above_the_tables_input_has_a_reason_of_its_own_at_x86_units(string model, IommuFaultReason reason, uint code)
    {
        IommuUnit unit = new("unit", IommuModel.Find(model)!, _events);
        Assert.True(unit.Attach(new StreamId(8), unit.AllocateDomain(IommuDomainType.Unmanaged)).IsOk);
        Assert.False(unit.GetStream(new StreamId(8)).TryTranslate(new Iova(unit.Format.LastInput + 1), IommuProtection.Write, out _));
        IommuFaultEvent fault = Assert.Single(_seen.OfType<IommuFaultEvent>());
        Assert.Equal((reason, code), (fault.Reason, fault.Code));
    }

    [Fact]
    public void X86_units_have_4_KiB_pages() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IommuUnit("dmar", IommuModel.VtD, _events, new IommuOptions { Granule = 0x10000 }));

    private (StreamConfiguration, string, uint) Refused(StreamTableEntry stream)
    {
        Assert.False(stream.TryTranslate(Page, IommuProtection.Write, out _));
        IommuFaultEvent fault = _seen.OfType<IommuFaultEvent>().Last();
        return (stream.Configuration, fault.ReasonName, fault.Code);
    }
}
