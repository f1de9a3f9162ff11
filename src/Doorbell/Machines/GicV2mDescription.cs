namespace Doorbell.Machines;

/// <summary>The GICv2m frames of the machine, one MSI controller together (SBSA, appendix E; M10).</summary>
public sealed record GicV2mDescription : MsiControllerDescription
{
    /// <summary>At least one; vectors come from the first that has room.</summary>
    public required IReadOnlyList<GicV2mFrameDescription> MsiFrames { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<MemoryRange> Frames => MsiFrames.Select(frame => new MemoryRange(frame.Base, GicV2mFrameDescription.FrameSize));
}
