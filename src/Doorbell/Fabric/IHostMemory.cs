namespace Doorbell.Fabric;

/// <summary>Memory that belongs to a client: an array in a test, another process under <c>doorbell run</c>. Addresses are the client's virtual addresses.</summary>
public interface IHostMemory
{
    /// <summary>Copies out; false (and nothing promised about <paramref name="destination"/>) where any byte is not there or not readable.</summary>
    bool TryRead(ulong address, Span<byte> destination);

    /// <summary>Copies in; false where any byte is not there or not writable.</summary>
    bool TryWrite(ulong address, ReadOnlySpan<byte> source);
}
