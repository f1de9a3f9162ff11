using Doorbell.Hosts;
using Doorbell.Machines;

namespace Doorbell.Tests.Checks;

/// <summary>Firmware that sends every requester of segment 0 the same way.</summary>
internal sealed class StaticFirmware : IFirmware
{
    public MachineArchitecture Architecture { get; init; } = MachineArchitecture.Arm64;

    public IReadOnlyList<FirmwareIommu> Iommus { get; init; } = [];

    public IReadOnlyList<FirmwareMsiController> MsiControllers { get; init; } = [];

    public IReadOnlyList<FirmwarePciHost> PciHosts { get; init; } = [new FirmwarePciHost(0, 0, 0xff, new Evidence("/sys/firmware/fdt", "/pcie@10000000"))];

    public IReadOnlyList<FirmwareReservedMemory> ReservedMemory { get; init; } = [];

    public IReadOnlyList<string> Notes { get; init; } = [];

    public FirmwarePath FindPath(PciAddress host, RequesterId requester) => host.Segment != 0
        ? new FirmwarePath(false, null, 0, null, 0, [])
        : new FirmwarePath(true, Iommus.Count > 0 ? Iommus[0] : null, requester.Value, MsiControllers.Count > 0 ? MsiControllers[0] : null, requester.Value, [PciHosts[0].Evidence, .. Iommus.Take(1).Select(unit => unit.Evidence)]);
}
