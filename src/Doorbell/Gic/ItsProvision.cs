using System.Numerics;

namespace Doorbell.Gic;

/// <summary>What a driver gives an ITS before it enables it: device and collection tables, as Linux sizes them (its_alloc_tables), and later the pages of a two-level device table.</summary>
internal sealed class ItsProvision
{
    private const ulong PageSize = 0x1_0000;

    private readonly ItsControlFrame _frame;
    private readonly GicMemory _memory;
    private readonly ItsBaser _devices;

    public ItsProvision(GicV3Its its)
    {
        _frame = its.ControlFrame;
        _memory = its.Gic.Memory;
        ulong entries = 1UL << its.DeviceIdBits;
        _devices = Give(0, entries, entries * ItsBaser.EntrySize > 2 * PageSize);
        if (_devices.IsValid && !_devices.IsIndirect && _devices.Capacity < entries)
        {
            _devices = Give(0, entries, indirect: false);
        }

        Give(1, (ulong)its.Gic.Cpus, indirect: false);
    }

    /// <summary>DeviceIDs there is a place for.</summary>
    public ulong DeviceLimit => _devices.Capacity;

    /// <summary>Makes the device table reach a DeviceID; false where the table is too small for it.</summary>
    public bool Reach(DeviceId device)
    {
        if (device.Value >= _devices.Capacity)
        {
            return false;
        }

        if (_devices.IsIndirect)
        {
            PhysicalAddress entry = _devices.FirstLevelEntryOf(device);
            if (_memory.TryRead64(entry, out ulong page) && (page & ItsRegister.Valid) == 0)
            {
                _memory.TryWrite64(entry, _memory.Allocate(_devices.PageSize).Value | ItsRegister.Valid);
            }
        }

        return true;
    }

    private ItsBaser Give(int index, ulong entries, bool indirect)
    {
        ulong offset = ItsRegister.Baser + ((ulong)index * 8);
        ulong perPage = PageSize / ItsBaser.EntrySize;
        ulong firstLevel = indirect ? (entries + perPage - 1) / perPage : entries;
        ulong pages = Math.Clamp((firstLevel + perPage - 1) / perPage, 1, ItsBaser.MaxPages);
        PhysicalAddress table = _memory.Allocate(BitOperations.RoundUpToPowerOf2(pages) * PageSize);
        _frame.Write(offset, new ItsBaser(_frame.Read(offset)).With(table, PageSize, (int)pages, indirect).Value);
        return new ItsBaser(_frame.Read(offset));
    }
}
