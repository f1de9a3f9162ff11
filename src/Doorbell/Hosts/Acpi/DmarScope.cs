namespace Doorbell.Hosts.Acpi;

/// <summary>A device scope (VT-d 4.1, 8.3.1) of a PCI device or of a bridge and what is behind it; other kinds (I/O APIC, HPET, namespace) are not kept.</summary>
/// <param name="Offset">Of its entry.</param>
/// <param name="IsHierarchy">Type 2: the bridge with all that is behind it.</param>
/// <param name="StartBus">Where the path begins.</param>
/// <param name="Path">Device and function, a hop each.</param>
internal sealed record DmarScope(int Offset, bool IsHierarchy, byte StartBus, IReadOnlyList<(byte Device, byte Function)> Path);
