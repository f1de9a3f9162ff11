namespace Doorbell.Machines;

/// <summary>The GICv2m frames of the machine, one MSI controller together (SBSA, appendix E; M10).</summary>
public sealed record GicV2mDescription : MsiControllerDescription
{
    /// <summary>At least one; vectors come from the first that has room.</summary>
    public required IReadOnlyList<GicV2mFrameDescription> MsiFrames { get; init; }

    /// <summary>True where the frame is the SPI registers of a GICv3's distributor (GICD_SETSPI_NSR, 0x40; IHI 0069, 12.9.32), which act alike.</summary>
    public bool IsMessageBasedSpi { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<MemoryRange> Frames => MsiFrames.Select(frame => new MemoryRange(frame.Base, GicV2mFrameDescription.FrameSize));
}
