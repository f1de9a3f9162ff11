using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>A client address space that is an array, and counts what is pinned.</summary>
internal sealed class ArrayMemory(ulong start, int size) : IClientAddressSpace
{
    private readonly ArrayClientMemory _memory = new(start, size);

    public Span<byte> Bytes => _memory.Bytes;

    public ulong Start => _memory.Start;

    public ulong Pinned { get; private set; }

    public Errno Pin(ulong address, ulong size, bool write)
    {
        Errno pinned = _memory.Pin(address, size, write);
        Pinned += pinned == Errno.None ? size : 0;
        return pinned;
    }

    public void Unpin(ulong address, ulong size) => Pinned -= size;

    public bool TryRead(ulong address, Span<byte> destination) => _memory.TryRead(address, destination);

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => _memory.TryWrite(address, source);
}
