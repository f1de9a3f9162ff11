using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>A client address space that is an array.</summary>
internal sealed class ArrayMemory(ulong start, int size) : IClientAddressSpace
{
    public byte[] Bytes { get; } = new byte[size];

    public ulong Start { get; } = start;

    public ulong Pinned { get; private set; }

    public Errno Pin(ulong address, ulong size, bool write)
    {
        if (!Holds(address, size))
        {
            return Errno.EFAULT;
        }

        Pinned += size;
        return Errno.None;
    }

    public void Unpin(ulong address, ulong size) => Pinned -= size;

    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!Holds(address, (ulong)destination.Length))
        {
            return false;
        }

        Bytes.AsSpan((int)(address - Start), destination.Length).CopyTo(destination);
        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!Holds(address, (ulong)source.Length))
        {
            return false;
        }

        source.CopyTo(Bytes.AsSpan((int)(address - Start)));
        return true;
    }

    private bool Holds(ulong address, ulong size) => address >= Start && address - Start <= (ulong)Bytes.Length && size <= (ulong)Bytes.Length - (address - Start);
}
