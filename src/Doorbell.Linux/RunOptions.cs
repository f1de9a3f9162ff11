using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Vfio;

namespace Doorbell.Linux;

/// <summary>What <c>doorbell run</c> was asked for, checked as far as that needs no client.</summary>
public sealed record RunOptions
{
    /// <summary>The machine.</summary>
    public required MachineDescription Machine { get; init; }

    /// <summary>Devices to plug into its slots, each slot once.</summary>
    public IReadOnlyList<DeviceSpec> Devices { get; init; } = [];

    /// <summary>Device models of one's own, by the name a device asks for (docs/devices.md); a name that Doorbell has too is this one's here.</summary>
    public IReadOnlyDictionary<string, CreateDeviceModel> Models { get; init; } = new Dictionary<string, CreateDeviceModel>();

    /// <summary>Functions that were found on the machine, each to be where it was unless <see cref="Devices"/> has another there.</summary>
    public IReadOnlyList<CapturedAt> Functions { get; init; } = [];

    /// <summary>Who drives a device, where that is not vfio-pci: a host driver's name, or null for nobody (V4).</summary>
    public IReadOnlyDictionary<PciAddress, string?> Drivers { get; init; } = new Dictionary<PciAddress, string?>();

    /// <summary>The module parameter allow_unsafe_interrupts (V3).</summary>
    public bool AllowUnsafeInterrupts { get; init; }

    /// <summary>Which uAPI the program finds (V6).</summary>
    public VfioUapi Uapi { get; init; }

    /// <summary>Where the event trace goes: as Perfetto's where a name ends in .perfetto-trace or .pftrace, one JSON object a line otherwise.</summary>
    public IReadOnlyList<string> TraceFiles { get; init; } = [];

    /// <summary>The reports that are wanted; null for none.</summary>
    public RunReports? Reports { get; init; }

    /// <summary>The program and its arguments, as they stood after <c>--</c>.</summary>
    public required IReadOnlyList<string> Command { get; init; }
}
