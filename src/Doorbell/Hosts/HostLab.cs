using Doorbell.Devices;
using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>A host as a machine that can be built: what <c>doorbell run --machine CAPTURE</c> runs.</summary>
/// <param name="Machine">Its hosts, IOMMUs and MSI controllers; every function that was found is a slot of it.</param>
/// <param name="Functions">What was found, bridges too, each with its configuration space.</param>
public sealed record HostLab(MachineDescription Machine, IReadOnlyList<CapturedAt> Functions);
