namespace Doorbell.Pci;

/// <summary>A part of a memory BAR that a client may map, because the device is content to look at it (<see cref="PciDeviceModel.Poll"/>).</summary>
/// <param name="Bar">Index of the BAR.</param>
/// <param name="Offset">Bytes into it; a multiple of the page.</param>
/// <param name="Length">Bytes, pages as well.</param>
/// <param name="IsOffered">
/// Clients are told that it may be mapped. Otherwise it works for a client that does so unasked, and one that asks uses reads and
/// writes, each of which the device sees.
/// </param>
public readonly record struct PciMappableRange(int Bar, ulong Offset, ulong Length, bool IsOffered = true)
{
    /// <summary>The byte after it.</summary>
    public ulong End => Offset + Length;
}
