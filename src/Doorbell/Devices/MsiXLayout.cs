using System.Numerics;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// MSI-X structures in a BAR of their own: the table at 0, the pending bits on the next page after it. Neither shares a page with
/// registers, so that register pages can be mapped by a client while these stay with the host (V5).
/// </summary>
public static class MsiXLayout
{
    private const uint Page = 4096;

    /// <summary>Where table and pending bits go.</summary>
    public static MsiXDescription Describe(int vectors, int bar) => new(vectors, bar, 0, bar, PbaOffset(vectors));

    /// <summary>Bytes of the BAR: a power of two.</summary>
    public static ulong BarSize(int vectors) => BitOperations.RoundUpToPowerOf2(PbaOffset(vectors) + Page);

    private static uint PbaOffset(int vectors) => ((uint)(vectors * MsiXCapability.EntrySize) + Page - 1) & ~(Page - 1);
}
