using Doorbell.Vfio;

namespace Doorbell.Tests.Checks.Guests;

/// <summary>A client that has memory everywhere and nothing in it: guests of any size can be mapped.</summary>
internal sealed class VastMemory : IClientAddressSpace
{
    public Errno Pin(ulong address, ulong size, bool write) => Errno.None;

    public void Unpin(ulong address, ulong size)
    {
    }

    public bool TryRead(ulong address, Span<byte> destination) => false;

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => false;
}
