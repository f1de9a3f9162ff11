namespace Doorbell.Vfio;

/// <summary>A bitmap of dirty pages as a client asks for it (struct vfio_bitmap), and the answer.</summary>
/// <param name="pageSize">Bytes a bit stands for: the smallest page of the container.</param>
/// <param name="bytes">Room for the bits, bytes.</param>
/// <param name="write">
/// Writes the bits of one mapping where the caller wants them; false where they cannot be written, which is EFAULT. An unmap goes mapping by mapping,
/// bits first, so that what could not be told stays mapped (vfio_dma_do_unmap). Null: <see cref="Ranges"/> is all there is.
/// </param>
public sealed class VfioDirtyBitmap(ulong pageSize, ulong bytes, Func<IovaRange, bool>? write = null)
{
    private readonly List<IovaRange> _ranges = [];

    /// <summary>Bytes a bit stands for.</summary>
    public ulong PageSize { get; } = pageSize;

    /// <summary>Room for the bits, bytes.</summary>
    public ulong Bytes { get; } = bytes;

    /// <summary>What is dirty: whole pages, in order. Bit 0 of the bitmap is the first page of the range asked for; bits of no range stay as they are.</summary>
    public IReadOnlyList<IovaRange> Ranges => _ranges;

    internal bool Add(IovaRange range)
    {
        if (write is not null && !write(range))
        {
            return false;
        }

        _ranges.Add(range);
        return true;
    }
}
