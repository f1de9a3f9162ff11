namespace Doorbell;

/// <summary>A piece of memory as a device names it.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct DmaRange(Iova Address, int Length);
