namespace Doorbell.Hosts.Acpi;

/// <summary>Memory firmware's devices use (RMRR, type 1).</summary>
/// <param name="Offset">Of its structure.</param>
/// <param name="Segment">The PCI segment of its devices.</param>
/// <param name="Base">First address.</param>
/// <param name="Last">Last address, inclusive.</param>
/// <param name="Scopes">Its devices.</param>
internal sealed record DmarReservedMemory(int Offset, ushort Segment, ulong Base, ulong Last, IReadOnlyList<DmarScope> Scopes);
