namespace Doorbell.Hosts;

/// <summary>A PCI host that firmware describes.</summary>
/// <param name="Segment">Domain (segment group).</param>
/// <param name="FirstBus">First bus.</param>
/// <param name="LastBus">Last bus.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record FirmwarePciHost(int Segment, int FirstBus, int LastBus, Evidence Evidence);
