using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Iommu;

public class IommuTests
{
    private const IommuProtection DoorbellProtection = IommuProtection.Write | IommuProtection.NoExec | IommuProtection.Mmio;

    [Fact]
    public void A_doorbell_is_bound_translated_and_gone_again_as_on_the_captured_board()
    {
        EventStream events = new();
        List<MachineEvent> seen = [];
        using IDisposable subscription = events.Subscribe(seen.Add);
        Doorbell.Iommu.Iommu smmu = new("smmu@9050000", IommuModel.SmmuV3, events);
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(0x40201000UL, domain.PageSizes);
        Assert.Equal(new Iova(0xffff_ffff_ffff), domain.ApertureEnd);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, 12).IsOk);
        Assert.True(smmu.Attach(new StreamId(8), domain).IsOk);

        Assert.Equal(new Iova(0x800_0040), domain.GetReservedIova(new PhysicalAddress(0x809_0040), 4, DoorbellProtection).Value);

        Assert.True(smmu.GetStream(new StreamId(8)).TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(new PhysicalAddress(0x809_0040), pa);
        IommuMapEvent map = Assert.Single(seen.OfType<IommuMapEvent>());
        Assert.Equal(0x1a, (int)map.Protection);
        Assert.Equal(0x1000UL, map.Size);

        domain.PutReservedIova(new Iova(0x800_0040));
        Assert.True(domain.IsEmpty);
        Assert.False(smmu.GetStream(new StreamId(8)).TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out _));
        Assert.Equal("F_TRANSLATION", Assert.Single(seen.OfType<IommuFaultEvent>()).ReasonName);
    }
}
