namespace Doorbell.Devices;

/// <summary>A disk in memory, in pieces that come into being when they are written and go when they are discarded.</summary>
public sealed class MemoryBlockBackend : IBlockBackend
{
    private const int PieceSize = 1 << 20;

    private readonly byte[]?[] _pieces;

    /// <summary>A disk of zeros.</summary>
    /// <param name="length">Bytes, a multiple of 512 above 0.</param>
    public MemoryBlockBackend(ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % 512, 0u, nameof(length));
        Length = length;
        _pieces = new byte[checked((int)((length + PieceSize - 1) / PieceSize))][];
    }

    /// <inheritdoc/>
    public ulong Length { get; }

    /// <inheritdoc/>
    public BlockStatus Read(ulong offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int within = (int)(offset % PieceSize);
            int count = Math.Min(destination.Length, PieceSize - within);
            if (_pieces[offset / PieceSize] is { } piece)
            {
                piece.AsSpan(within, count).CopyTo(destination);
            }
            else
            {
                destination[..count].Clear();
            }

            destination = destination[count..];
            offset += (ulong)count;
        }

        return BlockStatus.Done;
    }

    /// <inheritdoc/>
    public BlockStatus Write(ulong offset, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int within = (int)(offset % PieceSize);
            int count = Math.Min(source.Length, PieceSize - within);
            byte[] piece = _pieces[offset / PieceSize] ??= new byte[PieceSize];
            source[..count].CopyTo(piece.AsSpan(within));
            source = source[count..];
            offset += (ulong)count;
        }

        return BlockStatus.Done;
    }

    /// <inheritdoc/>
    public BlockStatus WriteZeroes(ulong offset, ulong length, bool deallocate)
    {
        ulong end = offset + length;
        while (offset < end)
        {
            int within = (int)(offset % PieceSize);
            int count = (int)Math.Min(end - offset, (ulong)(PieceSize - within));
            ref byte[]? piece = ref _pieces[offset / PieceSize];
            if (count == PieceSize)
            {
                piece = null;
            }
            else
            {
                piece?.AsSpan(within, count).Clear();
            }

            offset += (ulong)count;
        }

        return BlockStatus.Done;
    }

    /// <inheritdoc/>
    public BlockStatus Discard(ulong offset, ulong length) => WriteZeroes(offset, length, deallocate: true);

    /// <inheritdoc/>
    public BlockStatus Flush() => BlockStatus.Done;
}
