namespace Doorbell.Machines;

/// <summary>A root port: a bridge on a host's first bus with one link below it.</summary>
/// <param name="Address">Its own function.</param>
/// <param name="SecondaryBus">The bus below it.</param>
/// <param name="SubordinateBus">The last bus below it, inclusive.</param>
/// <param name="Acs">True where it has Access Control Services with source validation and redirection, so that what is below it is isolated (PCIe base 6.12).</param>
public sealed record PciRootPortDescription(PciAddress Address, byte SecondaryBus, byte SubordinateBus, bool Acs);
