namespace Doorbell.Fabric;

/// <summary>Memory that belongs to a client: an array in a test, another process under <c>doorbell run</c>. Addresses are the client's virtual addresses.</summary>
public interface IHostMemory
{
    /// <summary>Copies out; false (and nothing promised about <paramref name="destination"/>) where any byte is not there or not readable.</summary>
    bool TryRead(ulong address, Span<byte> destination);

    /// <summary>Copies in; false where any byte is not there or not writable.</summary>
    bool TryWrite(ulong address, ReadOnlySpan<byte> source);

    /// <summary>Copies many pieces out, one after the other; false (and nothing promised) where any byte is not there or not readable.</summary>
    bool TryRead(ReadOnlySpan<HostMemoryRange> ranges, Span<byte> destination)
    {
        foreach (HostMemoryRange range in ranges)
        {
            if (!TryRead(range.Address, destination[..range.Length]))
            {
                return false;
            }

            destination = destination[range.Length..];
        }

        return true;
    }

    /// <summary>Copies many pieces in; false (and nothing promised) where any byte is not there or not writable.</summary>
    bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, ReadOnlySpan<byte> source)
    {
        foreach (HostMemoryRange range in ranges)
        {
            if (!TryWrite(range.Address, source[..range.Length]))
            {
                return false;
            }

            source = source[range.Length..];
        }

        return true;
    }

    /// <summary>Copies in what only the kernel may copy; false where this memory is not reached by the kernel, or any byte of either is not there.</summary>
    bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, KernelBytes source) => false;

    /// <summary>The client is gone and its memory with it: what still goes there is lost, which is nobody's mistake.</summary>
    bool HasEnded => false;
}
