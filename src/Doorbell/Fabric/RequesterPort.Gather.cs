using Doorbell.Iommu;

namespace Doorbell.Fabric;

/// <content>Transfers of many pieces: each is translated, and all that lie in one client's memory are copied at once.</content>
public sealed partial class RequesterPort
{
    private const int GatheredAtOnce = 64;

    /// <inheritdoc/>
    public int Read(ReadOnlySpan<DmaRange> ranges, Span<byte> destination)
    {
        Span<HostMemoryRange> gathered = stackalloc HostMemoryRange[GatheredAtOnce];
        for (int done = 0; done < ranges.Length;)
        {
            int count = Gather(ranges[done..], IommuProtection.Read, gathered, out IHostMemory? memory, out int bytes, out bool faulted);
            int moved = count;
            if (count != 0)
            {
                if (memory!.TryRead(gathered[..count], destination[..bytes]))
                {
                    Interlocked.Add(ref _bytesRead, bytes);
                }
                else
                {
                    moved = ReadSingly(ranges.Slice(done, count), destination);
                }
            }
            else if (!faulted && Read(ranges[done].Address, destination[..ranges[done].Length]))
            {
                bytes = ranges[done].Length;
                count = moved = 1;
            }

            done += moved;
            if (moved < count || count == 0 || faulted)
            {
                return done;
            }

            destination = destination[bytes..];
        }

        return ranges.Length;
    }

    /// <inheritdoc/>
    public int Write(ReadOnlySpan<DmaRange> ranges, ReadOnlySpan<byte> source)
    {
        Span<HostMemoryRange> gathered = stackalloc HostMemoryRange[GatheredAtOnce];
        for (int done = 0; done < ranges.Length;)
        {
            int count = Gather(ranges[done..], IommuProtection.Write, gathered, out IHostMemory? memory, out int bytes, out bool faulted);
            int moved = count;
            if (count != 0)
            {
                if (memory!.TryWrite(gathered[..count], source[..bytes]))
                {
                    Interlocked.Add(ref _bytesWritten, bytes);
                }
                else
                {
                    moved = WriteSingly(ranges.Slice(done, count), source);
                }
            }
            else if (!faulted && Write(ranges[done].Address, source[..ranges[done].Length]))
            {
                bytes = ranges[done].Length;
                count = moved = 1;
            }

            done += moved;
            if (moved < count || count == 0 || faulted)
            {
                return done;
            }

            source = source[bytes..];
        }

        return ranges.Length;
    }

    /// <inheritdoc/>
    public int Write(ReadOnlySpan<DmaRange> ranges, KernelBytes source, out bool faulted)
    {
        Span<HostMemoryRange> gathered = stackalloc HostMemoryRange[GatheredAtOnce];
        faulted = false;
        int done = 0;
        int sent = 0;
        while (done < ranges.Length && !faulted)
        {
            int count = Gather(ranges[done..], IommuProtection.Write, gathered, out IHostMemory? memory, out int bytes, out faulted);
            if (count == 0 || !memory!.TryWrite(gathered[..count], source.Slice(sent, bytes)))
            {
                break;
            }

            Interlocked.Add(ref _bytesWritten, bytes);
            done += count;
            sent += bytes;
        }

        return done;
    }

    // Which piece it was that is not there, and the sentence about it.
    private int ReadSingly(ReadOnlySpan<DmaRange> ranges, Span<byte> destination)
    {
        int moved = 0;
        while (moved < ranges.Length && Read(ranges[moved].Address, destination[..ranges[moved].Length]))
        {
            destination = destination[ranges[moved++].Length..];
        }

        return moved;
    }

    private int WriteSingly(ReadOnlySpan<DmaRange> ranges, ReadOnlySpan<byte> source)
    {
        int moved = 0;
        while (moved < ranges.Length && Write(ranges[moved].Address, source[..ranges[moved].Length]))
        {
            source = source[ranges[moved++].Length..];
        }

        return moved;
    }

    /// <summary>Translates pieces from the front, as long as each is in one piece in the same client's memory.</summary>
    /// <param name="ranges">The pieces.</param>
    /// <param name="access">Read or Write.</param>
    /// <param name="gathered">Where they are; as many of them as are counted.</param>
    /// <param name="memory">In whose memory.</param>
    /// <param name="bytes">All together.</param>
    /// <param name="faulted">The piece after them was refused; that has been told.</param>
    private int Gather(
        ReadOnlySpan<DmaRange> ranges, IommuProtection access, Span<HostMemoryRange> gathered, out IHostMemory? memory, out int bytes, out bool faulted)
    {
        memory = null;
        bytes = 0;
        faulted = false;
        int count = 0;
        foreach (DmaRange range in ranges)
        {
            if (count == gathered.Length)
            {
                break;
            }

            if (!TryTranslateRun(range.Address, (ulong)range.Length, access, out PhysicalAddress pa, out int length))
            {
                faulted = true;
                break;
            }

            if (length < range.Length || !_bus.TryGetMemory(pa, out IHostMemory found, out ulong address) || (memory ??= found) != found)
            {
                break;
            }

            gathered[count++] = new HostMemoryRange(address, range.Length);
            bytes += range.Length;
        }

        return count;
    }
}
