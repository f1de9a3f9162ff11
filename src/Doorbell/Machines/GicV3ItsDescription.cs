namespace Doorbell.Machines;

/// <summary>A GICv3 Interrupt Translation Service (Arm IHI 0069, chapter 5).</summary>
public sealed record GicV3ItsDescription : MsiControllerDescription
{
    /// <summary>Bytes of the two 64 KiB frames of an ITS without virtual LPIs (IHI 0069, 12.18).</summary>
    public const ulong FrameSize = 0x2_0000;

    /// <summary>Where the translation frame begins in the ITS (IHI 0069, 12.18).</summary>
    public const ulong TranslationFrameOffset = 0x1_0000;

    /// <summary>GITS_TRANSLATER in the translation frame (IHI 0069, 12.19.17).</summary>
    public const ulong TranslaterOffset = 0x40;

    /// <summary>The control frame; 64 KiB aligned.</summary>
    public required PhysicalAddress Base { get; init; }

    /// <summary>Bits of a DeviceID (GITS_TYPER.Devbits + 1), 1 to 32.</summary>
    public int DeviceIdBits { get; init; } = 16;

    /// <summary>Bits of an EventID (GITS_TYPER.ID_bits + 1), 1 to 24.</summary>
    public int EventIdBits { get; init; } = 16;

    /// <summary>Bits of an INTID (GICD_TYPER.IDbits + 1), 14 to 24: LPIs are 8192 to 2^bits - 1.</summary>
    public int IntIdBits { get; init; } = 16;

    /// <summary>A window before the ITS that gives a write the DeviceID of its address, a word each, and so takes isolation away (M2); null where there is none.</summary>
    public MemoryRange? PreIts { get; init; }

    /// <summary>The frame devices write to; 64 KiB.</summary>
    public PhysicalAddress TranslationFrame => Base + TranslationFrameOffset;

    /// <summary>GITS_TRANSLATER: the doorbell.</summary>
    public PhysicalAddress Doorbell => TranslationFrame + TranslaterOffset;

    /// <inheritdoc/>
    public override IEnumerable<MemoryRange> Frames => PreIts is { } window ? [new MemoryRange(Base, FrameSize), window] : [new MemoryRange(Base, FrameSize)];
}
