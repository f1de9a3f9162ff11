namespace Doorbell.Vfio;

/// <summary>A bitmap of dirty pages as a client asks for it (struct vfio_bitmap), and the answer.</summary>
/// <param name="pageSize">Bytes a bit stands for: the smallest page of the container.</param>
/// <param name="bytes">Room for the bits, bytes.</param>
public sealed class VfioDirtyBitmap(ulong pageSize, ulong bytes)
{
    private readonly List<IovaRange> _ranges = [];

    /// <summary>Bytes a bit stands for.</summary>
    public ulong PageSize { get; } = pageSize;

    /// <summary>Room for the bits, bytes.</summary>
    public ulong Bytes { get; } = bytes;

    /// <summary>What is dirty: whole pages, in order. Bit 0 of the bitmap is the first page of the range asked for; bits of no range stay as they are.</summary>
    public IReadOnlyList<IovaRange> Ranges => _ranges;

    internal void Add(IovaRange range) => _ranges.Add(range);
}
