using Doorbell.Hosts;
using Doorbell.Machines;

namespace Doorbell.Tests.Hosts;

/// <summary>Firmware that says what a described machine has: a stand-in for ACPI tables.</summary>
internal sealed class DescribedByMachine(MachineDescription machine) : IFirmware
{
    private static readonly Evidence Somewhere = new("test");

    public MachineArchitecture Architecture => machine.Architecture;

    public IReadOnlyList<FirmwareIommu> Iommus => [.. machine.Iommus.Select(Iommu)];

    public IReadOnlyList<FirmwareMsiController> MsiControllers => [.. machine.MsiControllers.Where(static controller => controller is not ApicDescription).Select(Controller)];

    public IReadOnlyList<FirmwarePciHost> PciHosts => [.. machine.PciHosts.Select(static host => new FirmwarePciHost(host.Segment, host.FirstBus, host.LastBus, Somewhere))];

    public IReadOnlyList<FirmwareReservedMemory> ReservedMemory => [];

    public IReadOnlyList<string> Notes => [];

    public FirmwarePath FindPath(PciAddress host, RequesterId requester)
    {
        if (!machine.TryFindHost(host, out PciHostDescription? found))
        {
            return new FirmwarePath(false, null, 0, null, 0, []);
        }

        bool isTranslated = machine.TryFindStream(found, requester, out StreamTarget stream), isControlled = machine.TryFindMsiController(found, requester, out MsiTarget msi);
        bool isApic = isControlled && msi.Controller is ApicDescription;
        return new FirmwarePath(true, isTranslated ? Iommu(stream.Iommu) : null, stream.Stream.Value, isControlled && !isApic ? Controller(msi.Controller) : null, isApic ? 0 : msi.Device.Value, [Somewhere]);
    }

    private static FirmwareIommu Iommu(IommuDescription iommu) => new()
    {
        Name = iommu.Name,
        Model = iommu.Model,
        Base = iommu.Registers.Base.Value,
        InputBits = iommu.InputBits,
        InterruptRemapping = iommu.IsX86 ? iommu.InterruptRemapping : null,
        Evidence = Somewhere,
    };

    private static FirmwareMsiController Controller(MsiControllerDescription controller) => controller is GicV3ItsDescription its
        ? new FirmwareMsiController(its.Name, FirmwareMsiKind.Its, its.Doorbell.Value, Somewhere)
        : new FirmwareMsiController(controller.Name, FirmwareMsiKind.GicV2m, ((GicV2mDescription)controller).MsiFrames[0].Doorbell.Value, Somewhere);
}
