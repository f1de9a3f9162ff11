namespace Doorbell.Hosts.Acpi;

/// <summary>An I/O APIC (MADT type 1).</summary>
/// <param name="Offset">Of its entry.</param>
/// <param name="Id">What IVRS and DMAR call it.</param>
internal readonly record struct MadtIoApic(int Offset, byte Id);
