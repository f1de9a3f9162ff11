namespace Doorbell.Gic;

/// <summary>An ITS's memory: device table (two levels, as the manual's indirect one) and collection table. One writer at a time; readers take no lock.</summary>
internal sealed class ItsTables
{
    private const int PageBits = 10;
    private const uint PageMask = (1u << PageBits) - 1;
    private const int Unmapped = -1;

    private readonly ItsTableEntry[]?[]?[] _devices;
    private int[] _collections = [];
    private int _usedPages;

    public ItsTables(int deviceIdBits)
    {
        DeviceLimit = 1ul << deviceIdBits;
        _devices = new ItsTableEntry[]?[]?[(int)((DeviceLimit + PageMask) >> PageBits)];
    }

    /// <summary>First DeviceID that does not fit.</summary>
    public ulong DeviceLimit { get; }

    /// <summary>The device's interrupt translation table; null where it has none or where the DeviceID does not fit.</summary>
    public ItsTableEntry[]? GetDevice(DeviceId device)
    {
        uint index = device.Value >> PageBits;
        ItsTableEntry[]?[]?[] devices = _devices;
        if (index >= (uint)devices.Length)
        {
            return null;
        }

        ItsTableEntry[]?[]? page = Volatile.Read(ref devices[index]);
        return page is null ? null : Volatile.Read(ref page[device.Value & PageMask]);
    }

    public void SetDevice(DeviceId device, ItsTableEntry[]? entry)
    {
        ref ItsTableEntry[]?[]? page = ref _devices[device.Value >> PageBits];
        if (page is null)
        {
            if (entry is null)
            {
                return;
            }

            Volatile.Write(ref page, new ItsTableEntry[]?[PageMask + 1]);
            _usedPages = Math.Max(_usedPages, (int)(device.Value >> PageBits) + 1);
        }

        Volatile.Write(ref page![device.Value & PageMask], entry);
    }

    /// <summary>The redistributor (CPU) a collection goes to; false where it goes nowhere.</summary>
    public bool TryGetTarget(ushort icid, out int target)
    {
        int[] collections = Volatile.Read(ref _collections);
        target = icid < (uint)collections.Length ? Volatile.Read(ref collections[icid]) : Unmapped;
        return target != Unmapped;
    }

    public void SetTarget(ushort icid, int? target)
    {
        int[] collections = _collections;
        if (icid >= collections.Length)
        {
            collections = new int[System.Numerics.BitOperations.RoundUpToPowerOf2(icid + 1u)];
            Array.Fill(collections, Unmapped);
            _collections.CopyTo(collections, 0);
            Volatile.Write(ref _collections, collections);
        }

        Volatile.Write(ref collections[icid], target ?? Unmapped);
    }

    /// <summary>Every valid translation of a collection (INVALL).</summary>
    public IEnumerable<(DeviceId Device, uint EventId, ItsTranslation Translation)> TranslationsOf(ushort icid)
    {
        for (int high = 0; high < _usedPages; high++)
        {
            ItsTableEntry[]?[] page = _devices[high] ?? [];
            for (int low = 0; low < page.Length; low++)
            {
                ItsTableEntry[] device = page[low] ?? [];
                for (int i = 0; i < device.Length; i++)
                {
                    ItsTranslation translation = device[i].Read();
                    if (translation.IsValid && translation.Icid == icid)
                    {
                        yield return (new DeviceId(((uint)high << PageBits) | (uint)low), (uint)i, translation);
                    }
                }
            }
        }
    }
}
