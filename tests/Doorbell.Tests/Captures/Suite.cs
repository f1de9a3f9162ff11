using System.Text.Json.Nodes;

namespace Doorbell.Tests.Captures;

/// <summary>One capture and how to make the same calls here.</summary>
/// <param name="Name">As in <c>virt-gicv3-its-smmuv3/type1</c>.</param>
/// <param name="Replay">Makes the calls and returns their records.</param>
internal sealed record Suite(string Name, Func<CaptureBoard, List<JsonObject>> Replay)
{
    /// <summary>The board's directory.</summary>
    public string Board => Name[..Name.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>vfio_iommu_type1.allow_unsafe_interrupts, as it was for this run.</summary>
    public bool AllowUnsafe { get; init; }

    public List<JsonObject> Run()
    {
        using CaptureBoard board = new(Board, AllowUnsafe);
        return Replay(board);
    }
}
