using Doorbell.Events;
using Doorbell.Iommu;
using IommuUnit = Doorbell.Iommu.Iommu;

namespace Doorbell.Tests.Iommu;

/// <summary>An SMMUv3, an unmanaged domain with a window at the usual place, and the events they sent.</summary>
internal sealed class IommuHarness
{
    public const IommuProtection DoorbellProtection = IommuProtection.Write | IommuProtection.NoExec | IommuProtection.Mmio;
    public static readonly Iova WindowBase = new(0x800_0000);
    public static readonly PhysicalAddress Translater = new(0x809_0040);

    public IommuHarness(DoorbellRetention retention = DoorbellRetention.UntilLastReference, IommuOptions? options = null, ulong windowSize = 0x10_0000, int order = 12, bool hasWindow = true)
    {
        Stream.Subscribe(Seen.Add);
        Iommu = new IommuUnit("smmu@9050000", IommuModel.SmmuV3, Stream, options);
        Domain = Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(!hasWindow || Domain.AllocateReservedIovaDomain(WindowBase, windowSize, order, retention).IsOk);
    }

    public IommuHarness(DoorbellForm form, IommuOptions? options = null, ulong windowSize = 0x10_0000)
    {
        Stream.Subscribe(Seen.Add);
        Form = form;
        Iommu = new IommuUnit("smmu@9050000", IommuModel.SmmuV3, Stream, options);
        Domain = NewDomain(windowSize);
    }

    public DoorbellForm Form { get; }

    /// <summary>The context's table of iommufd's form.</summary>
    public SoftwareMsiTable Table { get; } = new();

    /// <summary>One more domain of the same form, with the same window.</summary>
    public IommuDomain NewDomain(ulong windowSize = 0x10_0000)
    {
        IommuDomain domain = Iommu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(Errno.None, AllocateWindow(domain, WindowBase, windowSize).Errno);
        return domain;
    }

    public Result AllocateWindow(IommuDomain domain, Iova start, ulong size) => Form switch
    {
        DoorbellForm.Iommufd => domain.AllocateReservedIovaDomain(start, size, 12, Table),
        DoorbellForm.Cookie => domain.AllocateReservedIovaDomain(start, size, 12, DoorbellRetention.UntilDomainFreed),
        _ => domain.AllocateReservedIovaDomain(start, size, 12),
    };

    public EventStream Stream { get; } = new();

    public List<MachineEvent> Seen { get; } = [];

    public IommuUnit Iommu { get; }

    public IommuDomain Domain { get; }

    public ReservedIovaDomain Window => Domain.ReservedIovas!;

    public Iova Get(ulong pa, ulong size = 4, IommuProtection protection = DoorbellProtection) => Domain.GetReservedIova(new PhysicalAddress(pa), size, protection).Value;

    public ulong? Translate(Iova iova, IommuProtection access = IommuProtection.Write) => Domain.TryTranslate(iova, access, out PhysicalAddress pa) ? pa.Value : null;

    public IEnumerable<string> Kinds => Seen.Select(machineEvent => machineEvent.Kind);

    /// <summary>Runs the action once, inside of the first event of that type: another caller at exactly that moment.</summary>
    public void Within<T>(Action action)
        where T : MachineEvent
    {
        bool ran = false;
        Stream.Subscribe(machineEvent =>
        {
            if (machineEvent is T && !ran)
            {
                ran = true;
                action();
            }
        });
    }
}
