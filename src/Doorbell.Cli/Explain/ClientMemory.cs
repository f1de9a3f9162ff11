using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>The memory of a client that is not there: an array at an address.</summary>
internal sealed class ClientMemory(ulong start, int size) : IClientAddressSpace
{
    private readonly byte[] _bytes = new byte[size];

    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!Holds(address, (ulong)destination.Length))
        {
            return false;
        }

        _bytes.AsSpan((int)(address - start), destination.Length).CopyTo(destination);
        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!Holds(address, (ulong)source.Length))
        {
            return false;
        }

        source.CopyTo(_bytes.AsSpan((int)(address - start)));
        return true;
    }

    public Errno Pin(ulong address, ulong size, bool write) => Holds(address, size) ? Errno.None : Errno.EFAULT;

    public void Unpin(ulong address, ulong size)
    {
    }

    private bool Holds(ulong address, ulong length) =>
        address >= start && length <= (ulong)_bytes.Length && address - start <= (ulong)_bytes.Length - length;
}
