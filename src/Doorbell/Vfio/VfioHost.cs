using System.Numerics;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Vfio;

/// <summary>
/// VFIO over a machine: what /dev/vfio means, without its transport. Each operation takes plain arguments and returns a
/// result or the errno the kernel would give with a sentence.
/// </summary>
/// <remarks>Control operations are not synchronised here: the caller makes one at a time a machine. The data path needs no lock.</remarks>
public sealed class VfioHost
{
    private readonly Dictionary<int, VfioGroup> _groups = [];
    private readonly List<Pci.PciFunction> _mapped = [];
    private int _containers;
    private int _contexts;
    private int _openContexts;
    private int _openCdevs;

    /// <summary>Offers the groups of a machine.</summary>
    /// <param name="groups">Those its IOMMUs keep apart.</param>
    /// <param name="bus">What decodes its physical addresses.</param>
    /// <param name="events">Its event stream.</param>
    /// <param name="options">What the administrator decided.</param>
    /// <param name="untranslated">Devices no IOMMU translates: offered in noiommu mode only.</param>
    public VfioHost(IEnumerable<PassthroughGroup> groups, PhysicalBus bus, EventStream events, VfioOptions options, IEnumerable<PassthroughDevice>? untranslated = null)
    {
        Events = events;
        Options = options;
        Spaces = new ClientSpaces(bus, QuiesceDma);
        foreach (PassthroughGroup group in groups)
        {
            _groups.Add(group.Id, new VfioGroup(this, group));
        }

        foreach (PassthroughDevice device in options.EnableUnsafeNoIommu ? untranslated ?? [] : [])
        {
            if (device.IsVfioBound)
            {
                int id = _groups.Keys.DefaultIfEmpty(-1).Max() + 1;
                _groups.Add(id, new VfioGroup(this, new PassthroughGroup(id, [device]) { IsNoIommu = true }));
            }
        }

        // The CPU's page size, as the units that translate were set up for it; the next larger is what huge pages have.
        ulong sizes = _groups.Values.SelectMany(static group => group.Group.Devices).Select(static device => device.Iommu?.Format.PageSizes ?? 0).FirstOrDefault(static sizes => sizes != 0, 0x4020_1000UL);
        PageSize = 1UL << BitOperations.TrailingZeroCount(sizes);
        HugePageSize = (sizes & (sizes - 1)) is var larger and not 0 ? 1UL << BitOperations.TrailingZeroCount(larger) : PageSize;
    }

    /// <summary>The machine's event stream.</summary>
    public EventStream Events { get; }

    /// <summary>What the administrator decided.</summary>
    public VfioOptions Options { get; }

    /// <summary>The groups, by number.</summary>
    public IReadOnlyDictionary<int, VfioGroup> Groups => _groups;

    /// <summary>True when nothing of any client is left: no group, cdev or iommufd open, nothing mapped, no address space known (V7, N2).</summary>
    public bool IsIdle => Spaces.Count == 0 && _openContexts == 0 && _openCdevs == 0 && _groups.Values.All(static group => !group.IsInUse);

    internal ClientSpaces Spaces { get; }

    /// <summary>open("/dev/vfio/vfio").</summary>
    public VfioContainer OpenContainer() => new(this, ++_containers);

    /// <summary>open("/dev/vfio/N"): ENOENT where there is no such group bound to vfio-pci, EBUSY where it is open already.</summary>
    public Result<VfioGroup> OpenGroup(int id) => OpenGroup(id, isNoIommu: false, $"/dev/vfio/{id}");

    /// <summary>open("/dev/vfio/noiommu-N"): ENOENT where there is no such group or noiommu mode is off, EBUSY where it is open already.</summary>
    public Result<VfioGroup> OpenNoIommuGroup(int id) => OpenGroup(id, isNoIommu: true, $"/dev/vfio/noiommu-{id}");

    private Result<VfioGroup> OpenGroup(int id, bool isNoIommu, string node)
    {
        if (!_groups.TryGetValue(id, out VfioGroup? group) || group.Group.IsNoIommu != isNoIommu || !group.Group.HasVfioDevice)
        {
            return Refuse("open", node, Errno.ENOENT, null, $"no device of group {id} is bound to vfio-pci");
        }

        Result opened = group.Open();
        return opened.IsOk ? group : opened;
    }

    /// <summary>open("/dev/iommu").</summary>
    public IommufdContext OpenIommufd()
    {
        _openContexts++;
        return new IommufdContext(this, ++_contexts);
    }

    /// <summary>open("/dev/vfio/devices/vfioN") of a device: ENOENT where it is not bound to vfio-pci or no IOMMU translates it.</summary>
    /// <param name="name">The device's address as Linux prints it; which N it has is the transport's choice.</param>
    public Result<VfioCdev> OpenCdev(string name)
    {
        foreach (VfioGroup group in _groups.Values.Where(static group => !group.Group.IsNoIommu))
        {
            foreach (PassthroughDevice device in group.Group.Devices)
            {
                if (device.Name == name && device.IsVfioBound && device.Iommu is not null)
                {
                    _openCdevs++;
                    return new VfioCdev(this, group, device);
                }
            }
        }

        return Refuse("open", $"cdev of {name}", Errno.ENOENT, null, $"{name} has no cdev: it is not there, not bound to vfio-pci, or no IOMMU translates it");
    }

    internal ulong PageSize { get; }

    internal ulong HugePageSize { get; }

    internal void IommufdClosed() => _openContexts--;

    internal void CdevClosed() => _openCdevs--;

    internal void Mapped(Pci.PciFunction function)
    {
        if (!_mapped.Contains(function))
        {
            _mapped.Add(function);
        }
    }

    internal void Unmapped(Pci.PciFunction function) => _mapped.Remove(function);

    /// <summary>
    /// Waits for the DMA of devices that run on threads of their own. Between an unmap, or a change of a device's domain, and its end: the kernel
    /// promises that no device is still in the memory when the call returns (I7, N3).
    /// </summary>
    internal void QuiesceDma()
    {
        foreach (Pci.PciFunction function in _mapped)
        {
            function.Quiesce();
        }
    }

    internal bool IsVfioBound(Pci.PciFunction function) =>
        _groups.Values.Any(group => group.Group.Devices.Any(device => device.Function == function && device.IsVfioBound));

    internal int? GroupNumberOf(Pci.PciFunction function) =>
        _groups.Values.FirstOrDefault(group => group.Group.Devices.Any(device => device.Function == function))?.Group.Id;

    /// <summary>V4, in one sentence wherever it is asked.</summary>
    internal Result RefuseNotViable(string operation, string subject, string group, PassthroughDevice obstacle) => Refuse(
        operation,
        subject,
        Errno.EPERM,
        "V4",
        $"{group} is not viable: {obstacle.Name} is bound to {obstacle.Driver}",
        "Every device of a group goes together: bind it to vfio-pci, or to no driver.");

    /// <summary>Records a refusal in the event stream and makes the result the caller gets.</summary>
    internal Result Refuse(string operation, string subject, Errno errno, string? rule, string reason, string? remedy = null)
    {
        Events.Emit(new Refusal { Operation = operation, Subject = subject, Errno = errno, Rule = rule, Reason = reason, Remedy = remedy });
        return Result.Fail(errno, remedy is null ? reason : $"{reason}. {remedy}");
    }
}
