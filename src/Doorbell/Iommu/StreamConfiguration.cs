namespace Doorbell.Iommu;

/// <summary>What a unit does with a stream: STE.Config of SMMUv3 (IHI 0070, 5.2), S2CR.TYPE of SMMUv2 (IHI 0062).</summary>
public enum StreamConfiguration
{
    /// <summary>Every transaction is refused: STE.Config 0b000, S2CR.TYPE 0b10 (fault).</summary>
    Abort,

    /// <summary>Every transaction goes through as it is: STE.Config 0b100, S2CR.TYPE 0b01.</summary>
    Bypass,

    /// <summary>Through stage 1's tables: STE.Config 0b101, S2CR.TYPE 0b00 with a stage 1 context.</summary>
    TranslateStage1,

    /// <summary>Through stage 2's tables: STE.Config 0b110, S2CR.TYPE 0b00 with a stage 2 context; x86's second stage.</summary>
    TranslateStage2,

    /// <summary>The unit does not know the stream: beyond the stream table (SMMUv3), matched by no SMR (SMMUv2).</summary>
    Unknown,
}
