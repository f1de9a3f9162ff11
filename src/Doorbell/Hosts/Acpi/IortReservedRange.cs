namespace Doorbell.Hosts.Acpi;

/// <summary>A range of an RMR node.</summary>
/// <param name="Offset">Of its descriptor in the table.</param>
/// <param name="Base">First address.</param>
/// <param name="Size">Bytes; never 0 and never past the last address.</param>
internal readonly record struct IortReservedRange(int Offset, ulong Base, ulong Size);
