namespace Doorbell.Hosts.Acpi;

/// <summary>The buses behind a PCI bridge, as its configuration space has them (offsets 0x19 and 0x1a): DMAR names devices by the way over bridges, not by bus.</summary>
/// <param name="Secondary">The bus right behind it.</param>
/// <param name="Subordinate">The last bus behind it.</param>
public readonly record struct AcpiBridgeBuses(byte Secondary, byte Subordinate);
