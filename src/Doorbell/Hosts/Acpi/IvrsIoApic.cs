namespace Doorbell.Hosts.Acpi;

/// <summary>Where an I/O APIC's interrupts come from (special device, variety 1).</summary>
/// <param name="Offset">Of the row.</param>
/// <param name="Id">The I/O APIC's ID in MADT.</param>
/// <param name="Source">The requester ID of its interrupts.</param>
internal readonly record struct IvrsIoApic(int Offset, byte Id, ushort Source);
