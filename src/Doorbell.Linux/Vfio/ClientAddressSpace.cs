using System.Globalization;
using Doorbell.Linux.Supervision;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>A client process's memory as VFIO_IOMMU_MAP_DMA names it.</summary>
/// <remarks>
/// Nothing is pinned: DMA reaches whatever is mapped there at the time, and faults on our side (an event) where nothing is. Whether the range is there
/// with the access asked for is checked at the mapping, from the caller's /proc maps, as get_user_pages would find out.
/// </remarks>
internal sealed class ClientAddressSpace(ProcessMemory memory) : IClientAddressSpace
{
    public bool TryRead(ulong address, Span<byte> destination) => memory.TryRead(address, destination);

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source) => memory.TryWrite(address, source);

    public Errno Pin(ulong address, ulong size, bool write)
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
                    return Errno.EFAULT;
                }

                next = last;
                if (next >= end)
                {
                    return Errno.None;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The process ended between its call and this look at it.
        }

        return Errno.EFAULT;
    }

    public void Unpin(ulong address, ulong size)
    {
        // Nothing was pinned.
    }
}
