using System.Buffers.Binary;
using Doorbell.Checks.Errata;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Pci;

namespace Doorbell.Checks.Guests;

/// <summary>Gathers what a guest's memory meets from the facts of a host. Made once a host, asked for each function.</summary>
public sealed class HostDmaSpaces
{
    // PCIe base 7.7.8.3: the control register of access control services.
    private const int AcsControl = 6;

    // PCIe base 7.6.1: extended capabilities begin here.
    private const int FirstExtended = 0x100;

    private readonly HostFacts _facts;
    private readonly Dictionary<PciAddress, HostFunction> _functions = [];
    private readonly Dictionary<int, HostGroup> _groups = [];

    /// <summary>Indexes a host's functions and groups.</summary>
    public HostDmaSpaces(HostFacts facts)
    {
        _facts = facts;
        foreach (HostFunction function in facts.Functions)
        {
            _functions.TryAdd(function.Address, function);
        }

        foreach (HostGroup group in facts.Groups ?? [])
        {
            _groups.TryAdd(group.Number, group);
        }
    }

    /// <summary>What a guest that gets this function meets: reserved regions of its group, the IOMMU's reach, windows of bridges.</summary>
    public HostDmaSpace Of(HostFunction function)
    {
        FirmwarePath? path = _facts.Firmware?.FindPath(function.Address, RequesterOf(function));
        FirmwareIommu? iommu = path is { IsKnown: true } ? path.Iommu : null;
        bool isBounded = iommu?.InputBits is > 0 and < 64;
        return new HostDmaSpace
        {
            // What firmware lets go of is an ordinary range once the device is handed over (IOMMU_RESV_DIRECT_RELAXABLE).
            Reserved = [.. Reserved(function, iommu, path).Where(static reserved => reserved.Type != ReservedRegionType.DirectRelaxable && reserved.Range.Size != 0)],
            LastIova = isBounded ? (1UL << iommu!.InputBits!.Value) - 1 : ulong.MaxValue,
            LastIovaEvidence = isBounded ? iommu!.Evidence : null,
            Windows = [.. Windows(function)],
        };
    }

    // The kernel's own list says everything. Without it, what the architecture does and what firmware wants kept.
    private IEnumerable<HostReserved> Reserved(HostFunction function, FirmwareIommu? iommu, FirmwarePath? path)
    {
        if (function.Group is { } number && _groups.TryGetValue(number, out HostGroup? group) && group.ReservedRegions is { } regions)
        {
            var evidence = _facts.IsRunning ? new Evidence($"{group.Evidence.File}/reserved_regions") : group.Evidence;
            foreach (ReservedRegion region in regions)
            {
                yield return new HostReserved(RangeOf(region), region.Type, evidence);
            }

            yield break;
        }

        if (iommu is null)
        {
            yield break;
        }

        if (path!.Controller is { Doorbell: { } doorbell } controller && ErrataList.For(iommu).Any(static erratum => erratum.Effect == ErratumEffect.HardwareMsi))
        {
            ReservedRegion frame = Erratum.RegionOf(doorbell);
            yield return new HostReserved(RangeOf(frame), frame.Type, controller.Evidence);
        }
        else
        {
            foreach (ReservedRegion region in iommu.ReservedRegions ?? ByArchitecture(iommu.Model))
            {
                yield return new HostReserved(RangeOf(region), region.Type, iommu.ReservedRegions is null ? null : iommu.Evidence);
            }
        }

        foreach (FirmwareReservedMemory memory in _facts.Firmware!.ReservedMemory)
        {
            bool isOurs = memory.Functions.Count > 0 || !memory.FunctionsAreKnown ? memory.Functions.Contains(function.Address) : memory.Iommu is null || memory.Iommu == iommu.Name;
            if (isOurs && !memory.IsRelaxable && !(iommu.Model == SmmuModel.VtD && IsRelaxedByClass(function)))
            {
                yield return new HostReserved(RangeOf(memory.Region), memory.Region.Type, memory.Evidence);
            }
        }
    }

    // Display controllers and USB (drivers/iommu/intel, device_rmrr_is_relaxable).
    private static bool IsRelaxedByClass(HostFunction function) => function.ClassCode >> 16 == 0x03 || function.ClassCode >> 8 == 0x0c03;

    private static IReadOnlyList<ReservedRegion> ByArchitecture(SmmuModel model) => model switch
    {
        SmmuModel.VtD or SmmuModel.AmdVi => new IommuDescription
        {
            Name = "",
            Model = model,
            Registers = default,
            Granules = [],
            InputBits = 48,
        }.ReservedRegions,
        _ => [ReservedRegion.DefaultSoftwareMsi],
    };

    /// <summary>Windows of the bridges on the function's root bus and on its way there, and of that PCI host; none where every bridge on the way sends requests up.</summary>
    private IEnumerable<HostWindow> Windows(HostFunction function)
    {
        HashSet<PciAddress> way = [];
        HostFunction top = function;
        bool isRedirected = function.Parent is not null;
        while (top.Parent is { } parent && _functions.TryGetValue(parent, out HostFunction? bridge) && way.Add(parent))
        {
            isRedirected &= SendsUp(bridge.Config.Span);
            top = bridge;
        }

        if (isRedirected)
        {
            yield break;
        }

        foreach (HostFunction bridge in _facts.Functions)
        {
            bool isNear = bridge.Parent is null && bridge.Address.Segment == top.Address.Segment && bridge.Address.Bus == top.Address.Bus;
            if (!bridge.IsBridge || !(isNear || way.Contains(bridge.Address)))
            {
                continue;
            }

            foreach (HostResource resource in bridge.Resources)
            {
                // linux/ioport.h and drivers/pci: after six BARs and the ROM come a bridge's windows.
                if (resource.Index >= 7 && resource.IsMemory && resource.Last > resource.Start)
                {
                    yield return new HostWindow(new GuestRange(resource.Start, resource.Last), $"bridge {bridge.Address}", new Evidence(bridge.Evidence.File + "/resource", $"line {resource.Index + 1}"));
                }
            }
        }

        string host = $"PCI Bus {top.Address.Segment:x4}:{top.Address.Bus:x2}";
        foreach (HostIoMemory line in _facts.Kernel.IoMemory ?? [])
        {
            if (line.Name == host && line.Last > line.Start)
            {
                yield return new HostWindow(new GuestRange(line.Start, line.Last), host, new Evidence("/proc/iomem"));
            }
        }
    }

    private static bool SendsUp(ReadOnlySpan<byte> config)
    {
        int offset = FirstExtended;
        for (int hops = 0; hops < 1024 && offset >= FirstExtended && offset + 8 <= config.Length; hops++)
        {
            uint header = BinaryPrimitives.ReadUInt32LittleEndian(config[offset..]);
            if ((ushort)header == PciExtendedCapabilityId.AccessControlServices)
            {
                var control = (AcsServices)BinaryPrimitives.ReadUInt16LittleEndian(config[(offset + AcsControl)..]);
                const AcsServices Up = AcsServices.RequestRedirect | AcsServices.UpstreamForwarding;
                return (control & Up) == Up;
            }

            offset = (int)(header >> 20);
        }

        return false;
    }

    // Behind a PCI Express to PCI bridge requests carry the bridge's secondary bus (PCIe to PCI bridge 1.0, 2.3); anything else keeps its own.
    private RequesterId RequesterOf(HostFunction function) =>
        function.Parent is { } parent && _functions.TryGetValue(parent, out HostFunction? bridge) && IsPciBridge(bridge.Config.Span)
            ? new RequesterId((ushort)(function.Address.Bus << 8))
            : function.Address.RequesterId;

    // PCIe base 7.5.3.2: device/port type 7 is a PCI Express to PCI/PCI-X bridge.
    private static bool IsPciBridge(ReadOnlySpan<byte> config)
    {
        if (config.Length < 0x40 || (config[6] & 0x10) == 0)
        {
            return false;
        }

        int offset = config[0x34] & 0xfc;
        for (int hops = 0; hops < 48 && offset >= 0x40 && offset + 4 <= config.Length; hops++)
        {
            if (config[offset] == 0x10)
            {
                return ((config[offset + 2] >> 4) & 0xf) == 7;
            }

            offset = config[offset + 1] & 0xfc;
        }

        return false;
    }

    private static GuestRange RangeOf(ReservedRegion region) => new(region.Base.Value, region.Last.Value);
}
