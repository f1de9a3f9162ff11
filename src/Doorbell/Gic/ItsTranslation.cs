namespace Doorbell.Gic;

/// <summary>An interrupt translation entry in one word, so that it changes and is read in one go (no half-written entry for a reader to meet).</summary>
/// <remarks>Bits: 0 valid, 1-24 INTID, 25-40 ICID, 41-63 a count of the times the entry was mapped.</remarks>
internal readonly record struct ItsTranslation(ulong Word)
{
    private const int IcidShift = 25;
    private const int GenerationShift = 41;

    public ItsTranslation(uint intid, ushort icid, ulong generation)
        : this(1ul | ((ulong)intid << 1) | ((ulong)icid << IcidShift) | (generation << GenerationShift))
    {
    }

    public bool IsValid => (Word & 1) != 0;

    public uint Intid => (uint)(Word >> 1) & 0xff_ffff;

    public ushort Icid => (ushort)(Word >> IcidShift);

    public ulong Generation => Word >> GenerationShift;

    /// <summary>The invalid entry that remembers the count.</summary>
    public ItsTranslation Discarded => new(Word & ~((1ul << GenerationShift) - 1));
}
