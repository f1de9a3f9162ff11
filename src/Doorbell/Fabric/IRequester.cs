namespace Doorbell.Fabric;

/// <summary>
/// A function's way upstream: DMA and MSI on behalf of its RequesterID. The host behind it is the same whether client
/// memory is an array or another process.
/// </summary>
/// <remarks>False means the transaction was aborted: the fault or refusal is in the event stream already (I10, N4), nothing was moved beyond what had been translated.</remarks>
public interface IRequester
{
    /// <summary>Memory read by the device.</summary>
    bool Read(Iova iova, Span<byte> destination);

    /// <summary>Memory write by the device.</summary>
    bool Write(Iova iova, ReadOnlySpan<byte> source);

    /// <summary>Memory reads of many pieces, one after the other.</summary>
    /// <returns>Pieces that were read whole before one was aborted; all of them as a rule.</returns>
    int Read(ReadOnlySpan<DmaRange> ranges, Span<byte> destination)
    {
        for (int i = 0; i < ranges.Length; i++)
        {
            if (!Read(ranges[i].Address, destination[..ranges[i].Length]))
            {
                return i;
            }

            destination = destination[ranges[i].Length..];
        }

        return ranges.Length;
    }

    /// <summary>Memory writes of many pieces, one after the other.</summary>
    /// <returns>Pieces that were written whole before one was aborted; all of them as a rule.</returns>
    int Write(ReadOnlySpan<DmaRange> ranges, ReadOnlySpan<byte> source)
    {
        for (int i = 0; i < ranges.Length; i++)
        {
            if (!Write(ranges[i].Address, source[..ranges[i].Length]))
            {
                return i;
            }

            source = source[ranges[i].Length..];
        }

        return ranges.Length;
    }

    /// <summary>Memory writes of many pieces from bytes that only the kernel may copy.</summary>
    /// <param name="ranges">The pieces.</param>
    /// <param name="source">Their bytes, one after the other.</param>
    /// <param name="faulted">One of the pieces behind those written was refused, and that has been told.</param>
    /// <returns>Pieces that were written whole. Those that follow have to be written otherwise, unless one was refused.</returns>
    int Write(ReadOnlySpan<DmaRange> ranges, KernelBytes source, out bool faulted)
    {
        faulted = false;
        return 0;
    }

    /// <summary>The 32-bit write that is an MSI. Neither locks nor allocates while nobody traces.</summary>
    bool WriteMsi(Iova iova, uint data);

    /// <summary>The same for a message that the function keeps and will send again.</summary>
    /// <param name="iova">Message address.</param>
    /// <param name="data">Message data.</param>
    /// <param name="hint">Kept beside the message; the controller's.</param>
    bool WriteMsi(Iova iova, uint data, ref MsiHint hint) => WriteMsi(iova, data);
}
