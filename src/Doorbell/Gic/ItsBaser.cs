namespace Doorbell.Gic;

/// <summary>A GITS_BASERn (IHI 0069, 12.19.1): memory that software gives the ITS for one of its tables.</summary>
/// <param name="Value">The register.</param>
public readonly record struct ItsBaser(ulong Value)
{
    /// <summary>Type: the device table.</summary>
    public const int Devices = 1;

    /// <summary>Type: the collection table.</summary>
    public const int Collections = 4;

    /// <summary>Most pages a table has.</summary>
    public const int MaxPages = 256;

    /// <summary>Bytes of an entry of either table, and of a first-level entry (which the architecture fixes).</summary>
    public const int EntrySize = 8;

    /// <summary>Indirect: the table has two levels.</summary>
    public const ulong IndirectBit = 1UL << 62;

    private const int TypeShift = 56;
    private const int EntrySizeShift = 48;
    private const int PageSizeShift = 8;
    private const ulong AddressMask = 0x0000_ffff_ffff_f000;

    /// <summary>What software may write: the rest says what the ITS is.</summary>
    internal const ulong Writable = ItsRegister.Valid | AddressMask | (3UL << PageSizeShift) | 0xff;

    /// <summary>The register of a table before software has given it anything.</summary>
    public static ItsBaser Empty(int type) => new(((ulong)type << TypeShift) | ((EntrySize - 1UL) << EntrySizeShift));

    /// <summary>The register with memory: <paramref name="pages"/> of 4, 16 or 64 KiB.</summary>
    public ItsBaser With(PhysicalAddress address, ulong pageSize, int pages, bool indirect)
    {
        // With 64 KiB pages address bits 51:48 go to bits 15:12.
        ulong field = pageSize == 0x1_0000 ? (address.Value & 0xffff_ffff_0000) | ((address.Value >> 36) & 0xf000) : address.Value & AddressMask;
        ulong size = pageSize switch { 0x1000 => 0UL, 0x4000 => 1UL, _ => 2UL };
        return new ItsBaser((Value & ~(Writable | IndirectBit)) | ItsRegister.Valid | (indirect ? IndirectBit : 0) | field | (size << PageSizeShift) | (uint)(pages - 1));
    }

    /// <summary>Software has given the memory.</summary>
    public bool IsValid => (Value & ItsRegister.Valid) != 0;

    /// <summary>Two levels.</summary>
    public bool IsIndirect => (Value & IndirectBit) != 0;

    /// <summary>Which table; 0 none.</summary>
    public int Type => (int)(Value >> TypeShift) & 7;

    /// <summary>Bytes of a page. The reserved encoding 3 is taken for 64 KiB (chosen: as hardware may).</summary>
    public ulong PageSize => ((Value >> PageSizeShift) & 3) switch { 0 => 0x1000, 1 => 0x4000, _ => 0x1_0000 };

    /// <summary>Pages of the (first-level) table.</summary>
    public int Pages => (int)(Value & 0xff) + 1;

    /// <summary>Where it is.</summary>
    public PhysicalAddress Address => PageSize == 0x1_0000
        ? new PhysicalAddress((Value & 0xffff_ffff_0000) | ((Value & 0xf000) << 36))
        : new PhysicalAddress(Value & AddressMask);

    /// <summary>Entries of the table software reaches: of a two-level one when every first-level entry is filled.</summary>
    public ulong Capacity => !IsValid ? 0 : (ulong)Pages * PageSize / EntrySize * (IsIndirect ? EntriesPerPage : 1);

    /// <summary>Entries of one page.</summary>
    public ulong EntriesPerPage => PageSize / EntrySize;

    /// <summary>Of a two-level table, where the first-level entry for a device is.</summary>
    internal PhysicalAddress FirstLevelEntryOf(DeviceId device) => Address + (device.Value / EntriesPerPage * EntrySize);
}
