using System.Globalization;
using Doorbell.Fabric;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>A client process's memory as VFIO_IOMMU_MAP_DMA names it.</summary>
/// <remarks>
/// Nothing is pinned: DMA reaches whatever the program has mapped there at the time, and faults on our side (an event) where nothing is, or where the program is
/// another one by now (exec). Whether the range is there with the access asked for is checked at the mapping, from the caller's /proc maps, as
/// get_user_pages would find out.
/// </remarks>
internal sealed class ClientAddressSpace(ProcessMemory memory) : IClientAddressSpace
{
    private static readonly ulong _pageSize = (ulong)Environment.SystemPageSize;

    private ulong _locked;

    public bool TryRead(ulong address, Span<byte> destination) => memory.TryRead(address, destination);

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => memory.TryWrite(address, source);

    public bool TryRead(ReadOnlySpan<HostMemoryRange> ranges, Span<byte> destination) => memory.TryRead(ranges, destination);

    public bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, ReadOnlySpan<byte> source) => memory.TryWrite(ranges, source);

    public bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, KernelBytes source) => memory.TryWrite(ranges, source);

    public bool HasEnded => ((IHostMemory)memory).HasEnded;

    public Errno Pin(ulong address, ulong size, bool write)
    {
        // Page by page: whichever comes first, one that is not there or one too many, is the answer (vfio_pin_pages_remote).
        ulong allowed = Allowance();
        ulong there = Present(address, size, write);
        if (there > allowed)
        {
            return Errno.ENOMEM;
        }

        if (there < size)
        {
            return Errno.EFAULT;
        }

        _locked += size;
        return Errno.None;
    }

    public Errno Adopt(ulong size)
    {
        if (size > Allowance())
        {
            return Errno.ENOMEM;
        }

        _locked += size;
        return Errno.None;
    }

    public void Unpin(ulong address, ulong size) => _locked -= size;

    /// <summary>How many bytes of the range, from its beginning, are there with the access asked for; no more than its size.</summary>
    private ulong Present(ulong address, ulong size, bool write)
    {
        ulong next = address, end = address + size;
        try
        {
            foreach (string line in File.ReadLines($"/proc/{memory.Caller.ToString(CultureInfo.InvariantCulture)}/maps"))
            {
                // start-end perms ...
                ReadOnlySpan<char> text = line;
                int dash = text.IndexOf('-'), space = text.IndexOf(' ');
                ulong first = ulong.Parse(text[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                ulong last = ulong.Parse(text[(dash + 1)..space], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                if (last <= next)
                {
                    continue;
                }

                bool allowed = text[space + 1] == 'r' && (!write || text[space + 2] == 'w');
                if (first > next || !allowed)
                {
                    break;
                }

                next = last;
                if (next >= end)
                {
                    return size;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The process ended between its call and this look at it.
        }

        return next - address;
    }

    /// <summary>
    /// Bytes that may still be pinned. The limit counts where it is lower than the one the run itself was started with: a client that lowers its own wants to see
    /// ENOMEM; that a user has a low one says nothing, because here nothing is pinned.
    /// </summary>
    private ulong Allowance()
    {
        ulong limit = LockedMemory.LimitOf(memory.Pid);
        if (limit >= LockedMemory.OwnLimit || LockedMemory.IsExempt(memory.Caller, out ulong locked))
        {
            return ulong.MaxValue;
        }

        ulong taken = _locked + locked;
        return taken >= limit ? 0 : (limit - taken) & ~(_pageSize - 1);
    }
}
