namespace Doorbell.Vfio;

/// <summary>A client's memory that is an array: for tests, samples and <c>explain</c>, where no other process is the client.</summary>
/// <param name="start">The client's address of the first byte.</param>
/// <param name="size">Bytes.</param>
public sealed class ArrayClientMemory(ulong start, int size) : IClientAddressSpace
{
    private readonly byte[] _bytes = new byte[size];

    /// <summary>The client's address of the first byte.</summary>
    public ulong Start { get; } = start;

    /// <summary>What the memory holds.</summary>
    public Span<byte> Bytes => _bytes;

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!Holds(address, (ulong)destination.Length))
        {
            return false;
        }

        _bytes.AsSpan((int)(address - Start), destination.Length).CopyTo(destination);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!Holds(address, (ulong)source.Length))
        {
            return false;
        }

        source.CopyTo(_bytes.AsSpan((int)(address - Start)));
        return true;
    }

    /// <inheritdoc/>
    public Errno Pin(ulong address, ulong size, bool write) => Holds(address, size) ? Errno.None : Errno.EFAULT;

    /// <inheritdoc/>
    public void Unpin(ulong address, ulong size)
    {
    }

    private bool Holds(ulong address, ulong length) =>
        address >= Start && length <= (ulong)_bytes.Length && address - Start <= (ulong)_bytes.Length - length;
}
