using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// A command's data in host memory: PRP entries and lists become ranges of IOVAs (NVMe 1.4, 4.3). One object is used again for every command.
/// </summary>
internal sealed class NvmeDataPointer
{
    private const int EntrySize = 8;

    private readonly DmaRange[] _ranges;
    private readonly byte[] _list;
    private int _count;

    /// <param name="maxTransfer">Bytes of the largest transfer.</param>
    /// <param name="minPage">Bytes of the smallest memory page: decides how many entries there can be.</param>
    public NvmeDataPointer(int maxTransfer, int minPage)
    {
        int pages = (maxTransfer / minPage) + 1;
        _ranges = new DmaRange[pages];
        _list = new byte[pages * EntrySize];
    }

    /// <summary>Ranges found by the last <see cref="Map"/>; neighbours are one range.</summary>
    public int RangeCount => _count;

    /// <summary>Finds the ranges.</summary>
    /// <param name="function">Reads the lists.</param>
    /// <param name="prp1">PRP entry 1: may start inside a page.</param>
    /// <param name="prp2">PRP entry 2: the second page, or where the list is.</param>
    /// <param name="length">Bytes, at most the largest transfer.</param>
    /// <param name="pageSize">CC.MPS in bytes.</param>
    public NvmeStatus Map(PciFunction function, ulong prp1, ulong prp2, int length, int pageSize)
    {
        _count = 0;
        uint pageMask = (uint)pageSize - 1;
        if ((prp1 & 3) != 0)
        {
            return NvmeStatus.PrpOffsetInvalid;
        }

        int first = Math.Min(length, pageSize - (int)(prp1 & pageMask));
        Append(prp1, first);
        int remaining = length - first;
        if (remaining == 0)
        {
            return NvmeStatus.Success;
        }

        if (remaining <= pageSize)
        {
            if ((prp2 & pageMask) != 0)
            {
                return NvmeStatus.PrpOffsetInvalid;
            }

            Append(prp2, remaining);
            return NvmeStatus.Success;
        }

        return MapList(function, prp2, remaining, pageSize);
    }

    /// <summary>The ranges found by the last <see cref="Map"/>.</summary>
    public ReadOnlySpan<DmaRange> Ranges => _ranges.AsSpan(0, _count);

    /// <summary>Copies into host memory, as many bytes as were mapped.</summary>
    public bool Write(PciFunction function, ReadOnlySpan<byte> source) => function.WriteMemory(Ranges, source) == _count;

    /// <summary>Copies from host memory, as many bytes as were mapped.</summary>
    public bool Read(PciFunction function, Span<byte> destination) => function.ReadMemory(Ranges, destination) == _count;

    private NvmeStatus MapList(PciFunction function, ulong list, int remaining, int pageSize)
    {
        uint pageMask = (uint)pageSize - 1;
        while (remaining > 0)
        {
            if ((list & (EntrySize - 1)) != 0)
            {
                return NvmeStatus.PrpOffsetInvalid;
            }

            // A list runs to the end of its page; where more entries are needed than fit, the last one points to the next list (4.3).
            int room = (pageSize - (int)(list & pageMask)) / EntrySize;
            int needed = (remaining + pageSize - 1) / pageSize;
            bool chained = needed > room;
            int entries = Math.Min(needed, room);
            Span<byte> bytes = _list.AsSpan(0, entries * EntrySize);
            if (!function.ReadMemory(new Iova(list), bytes))
            {
                return NvmeStatus.DataTransferError;
            }

            int data = chained ? entries - 1 : entries;
            for (int i = 0; i < data; i++)
            {
                ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * EntrySize)..]);
                if ((entry & pageMask) != 0)
                {
                    return NvmeStatus.PrpOffsetInvalid;
                }

                int length = Math.Min(remaining, pageSize);
                Append(entry, length);
                remaining -= length;
            }

            if (chained)
            {
                // A pointer to the next list is an entry as the others are: no offset (4.3). So a chain of lists that hold only a pointer cannot be.
                list = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(data * EntrySize)..]);
                if ((list & pageMask) != 0)
                {
                    return NvmeStatus.PrpOffsetInvalid;
                }
            }
        }

        return NvmeStatus.Success;
    }

    private void Append(ulong address, int length)
    {
        if (_count > 0)
        {
            DmaRange before = _ranges[_count - 1];
            if (before.Address.Value + (ulong)before.Length == address)
            {
                _ranges[_count - 1] = before with { Length = before.Length + length };
                return;
            }
        }

        _ranges[_count++] = new DmaRange(new Iova(address), length);
    }
}
