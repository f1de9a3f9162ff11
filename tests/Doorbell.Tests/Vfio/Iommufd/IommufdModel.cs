using Doorbell.Iommu;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>What random operations should have led to: lists and sums, no tables.</summary>
internal sealed class IommufdModel
{
    public const ulong WindowFirst = 0x800_0000;
    public const ulong WindowLast = 0x80f_ffff;
    public const ulong ApertureLast = 0xffff_ffff_ffff;

    public List<Space> Spaces { get; } = [];

    public List<Table> Tables { get; } = [];

    public IEnumerable<Table> TablesOf(Space space) => Tables.Where(table => table.Space == space);

    /// <summary>Whether the window is the user's no more: a device is attached, or a table has doorbells.</summary>
    public bool IsWindowReserved(Space space) => TablesOf(space).Any(static table => table.HasWindow);

    public bool IsReserved(Space space, ulong first, ulong last) =>
        (IsWindowReserved(space) && first <= WindowLast && last >= WindowFirst) || (TablesOf(space).Any() && last > ApertureLast);

    /// <summary>What keeps a table, or a first device, from coming: mappings or promises where they must not be.</summary>
    public static bool Meets(Space space, ulong first, ulong last) =>
        space.Areas.Any(area => area.First <= last && area.Last >= first) || space.Allowed.Exists(range => range.First <= last && range.Last >= first);

    internal sealed record Area(ulong First, ulong Last, ulong Offset, bool IsWritable)
    {
        public ulong Length => Last - First + 1;
    }

    internal sealed class Space(uint id)
    {
        public uint Id { get; } = id;

        public List<Area> Areas { get; } = [];

        public List<(ulong First, ulong Last)> Allowed { get; set; } = [];

        public ulong Mapped => Areas.Aggregate(0UL, static (sum, area) => sum + area.Length);
    }

    internal sealed class Table(uint id, Space space, bool isAuto)
    {
        public uint Id { get; } = id;

        public Space Space { get; } = space;

        public bool IsAuto { get; } = isAuto;

        public bool HasWindow { get; set; }

        /// <summary>The domain, once a device has shown it.</summary>
        public IommuDomain? Domain { get; set; }
    }
}
