using Doorbell.Pci;

namespace Doorbell.Hosts;

/// <summary>A function's access control services (PCIe base 7.7.11).</summary>
/// <param name="Offset">Where they are in configuration space.</param>
/// <param name="Capable">What it can do.</param>
/// <param name="Enabled">What is on.</param>
public sealed record HostAcs(int Offset, AcsServices Capable, AcsServices Enabled);
