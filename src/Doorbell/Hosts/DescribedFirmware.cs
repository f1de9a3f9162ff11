using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>A machine's description as firmware would say it: a device tree that was read, or a machine by name.</summary>
public sealed class DescribedFirmware : IFirmware
{
    private const ulong PageMask = 0xfff;

    private readonly MachineDescription _machine;
    private readonly string _file;
    private readonly Dictionary<string, FirmwareIommu> _iommus = [];
    private readonly Dictionary<string, FirmwareMsiController> _controllers = [];

    /// <summary>The firmware of a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="file">The file it was read from, for evidence.</param>
    /// <param name="isDeviceTree">True of a device tree, which does not say how many bits an IOVA has: what its reader assumed is not passed on.</param>
    public DescribedFirmware(MachineDescription machine, string file, bool isDeviceTree = false)
    {
        _machine = machine;
        _file = file;
        foreach (IommuDescription iommu in machine.Iommus)
        {
            _iommus.Add(iommu.Name, new FirmwareIommu
            {
                Name = iommu.Name,
                Model = iommu.Model,
                Product = iommu.Product,
                Base = iommu.Registers.Base.Value,
                InterruptRemapping = iommu.IsX86 ? iommu.InterruptRemapping : null,
                ReservedRegions = iommu.ReservedRegions,
                InputBits = isDeviceTree ? null : iommu.InputBits,
                Evidence = At(iommu.Name),
            });
        }

        // The CPUs' local APICs are no controller that firmware names.
        foreach (MsiControllerDescription controller in machine.MsiControllers.Where(static controller => controller is not ApicDescription))
        {
            _controllers.Add(controller.Name, Describe(controller));
        }

        Iommus = [.. _iommus.Values];
        MsiControllers = [.. _controllers.Values];
        PciHosts = [.. machine.PciHosts.Select(host => new FirmwarePciHost(host.Segment, host.FirstBus, host.LastBus, At(host.Name)))];
    }

    /// <inheritdoc/>
    public MachineArchitecture Architecture => _machine.Architecture;

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareIommu> Iommus { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareMsiController> MsiControllers { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwarePciHost> PciHosts { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareReservedMemory> ReservedMemory => [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => _machine.Notes;

    /// <inheritdoc/>
    public FirmwarePath FindPath(PciAddress host, RequesterId requester)
    {
        if (!_machine.TryFindHost(host, out PciHostDescription? description))
        {
            return new FirmwarePath(false, null, 0, null, 0, []);
        }

        List<Evidence> evidence = [At(description.Name)];
        FirmwareIommu? iommu = null;
        uint stream = 0;
        if (description.IommuMap.TryMap(requester, out string iommuName, out stream) && _iommus.TryGetValue(iommuName, out iommu))
        {
            evidence.Add(iommu.Evidence);
        }

        FirmwareMsiController? controller = null;
        if (description.MsiMap.TryMap(requester, out string controllerName, out uint device) && _controllers.TryGetValue(controllerName, out controller))
        {
            evidence.Add(controller.Evidence);
        }

        return new FirmwarePath(true, iommu, stream, controller, device, evidence);
    }

    private FirmwareMsiController Describe(MsiControllerDescription controller) => controller switch
    {
        GicV3ItsDescription its => new FirmwareMsiController(its.Name, FirmwareMsiKind.Its, its.PreIts?.Base.Value ?? its.Doorbell.Value, At(its.Name))
        {
            // What stands before the ITS makes the DeviceID out of the address (M2).
            Isolates = its.PreIts is null ? null : false,
        },
        GicV2mDescription v2m => new FirmwareMsiController(v2m.Name, v2m.IsMessageBasedSpi ? FirmwareMsiKind.Mbi : FirmwareMsiKind.GicV2m, v2m.MsiFrames[0].Doorbell.Value, At(v2m.Name))
        {
            MoreDoorbells = [.. v2m.MsiFrames.Skip(1).Select(static frame => frame.Doorbell.Value)],
        },
        SocMsiDescription soc => new FirmwareMsiController(soc.Name, FirmwareMsiKind.Other, soc.Doorbell.Value, At(soc.Name)) { Product = soc.Product, IsInPciHost = soc.IsInHost },
        _ => new FirmwareMsiController(controller.Name, FirmwareMsiKind.Other, controller.Frames.Select(static frame => (ulong?)(frame.Base.Value & ~PageMask)).FirstOrDefault(), At(controller.Name)),
    };

    private Evidence At(string place) => new(_file, place);
}
