namespace Doorbell.Fabric;

/// <summary>A piece of a client's memory.</summary>
/// <param name="Address">The client's virtual address of its first byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct HostMemoryRange(ulong Address, int Length);
