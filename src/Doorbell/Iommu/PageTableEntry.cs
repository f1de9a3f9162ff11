namespace Doorbell.Iommu;

/// <summary>
/// A page or block descriptor in one word, so that it is read and replaced at once: bit 0 valid, bits 5:1 the protection,
/// the rest the block's PA with all of its 64 bits (the top half-word names a client address space).
/// </summary>
internal static class PageTableEntry
{
    private const ulong Valid = 1;
    private const int ProtectionShift = 1;
    private const ulong ProtectionMask = 0x1f;
    private const ulong AddressMask = ~0xfffUL;

    public static ulong Make(ulong pa, IommuProtection protection) =>
        pa | (((ulong)protection & ProtectionMask) << ProtectionShift) | Valid;

    public static bool IsValid(ulong entry) => (entry & Valid) != 0;

    public static IommuProtection Protection(ulong entry) => (IommuProtection)((entry >> ProtectionShift) & ProtectionMask);

    public static bool Allows(ulong entry, IommuProtection access) => (((ulong)access << ProtectionShift) & ~entry) == 0;

    /// <summary>The block's first PA.</summary>
    public static ulong Address(ulong entry) => entry & AddressMask;

    /// <summary>The PA an IOVA inside the block has.</summary>
    public static ulong Address(ulong entry, ulong iova, int shift) => (entry & AddressMask) | (iova & ((1UL << shift) - 1));
}
