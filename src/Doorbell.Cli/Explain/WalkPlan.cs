using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>What a walk is to show.</summary>
internal sealed record WalkPlan
{
    public required Machine Machine { get; init; }

    public required PassthroughDevice Device { get; init; }

    /// <summary>MSI-X where the device has it.</summary>
    public required MsiKind Kind { get; init; }

    public required int Vectors { get; init; }

    public required VfioOptions Options { get; init; }

    public required MappingPoint MappingPoint { get; init; }

    /// <summary>As the command line has it.</summary>
    public string UapiName => Options.Uapi == VfioUapi.ReservedIovaV6 ? "reserved-iova-v6" : "mainline";

    /// <summary>As the command line has it.</summary>
    public string MappingPointName => MappingPoint == MappingPoint.Activate ? "activate" : "alloc";

    /// <summary>As linux/vfio.h and the PCI specification have it.</summary>
    public string KindName => Kind == MsiKind.MsiX ? "MSI-X" : "MSI";
}
