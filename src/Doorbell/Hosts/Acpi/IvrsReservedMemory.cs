namespace Doorbell.Hosts.Acpi;

/// <summary>Memory that must stay mapped one to one, or must not be used (IVMD, types 20h to 22h).</summary>
/// <param name="Offset">Of the block.</param>
/// <param name="Segment">The PCI segment.</param>
/// <param name="Devices">First and last requester ID; null: every one.</param>
/// <param name="Base">First address.</param>
/// <param name="Size">Bytes; never 0 and never past the last address.</param>
/// <param name="IsExcluded">An exclusion range: not to be used; else unity-mapped.</param>
internal sealed record IvrsReservedMemory(int Offset, ushort Segment, (ushort First, ushort Last)? Devices, ulong Base, ulong Size, bool IsExcluded);
