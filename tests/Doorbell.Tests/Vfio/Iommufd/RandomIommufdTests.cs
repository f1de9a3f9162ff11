using Doorbell.Iommu;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;
using Area = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Area;
using Space = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Space;
using Table = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Table;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>Random calls on one iommufd and four devices, two of them in one group, against <see cref="IommufdModel"/>; N1 to N5 after each call.</summary>
public sealed partial class RandomIommufdTests
{
    private const int Operations = 10_000;
    private const ulong Page = 0x1000;

    private static readonly string[] Slots = ["0000:01:00.0", "0000:02:00.0", "0000:00:09.0", "0000:00:09.1"];

    // Where mappings are tried: around zero, the window, its edges, the aperture's end and beyond.
    private static readonly ulong[] Places = [0, 0x4000, 0x1_0000, 0x7ff_e000, 0x7ff_f000, 0x800_0000, 0x808_0000, 0x80f_f000, 0x810_0000, 0x4000_0000, 0xffff_ffff_e000, 0x1_0000_0000_0000];

    private readonly IommufdBoard _board = new("virt-gicv3", false, Slots);
    private readonly RandomDevice[] _devices;
    private readonly HashSet<IommuDomain> _seen = [];
    private IommufdModel _model = new();
    private IommufdContext _context;
    private Random _random = new(0);
    private int _succeeded;

    public RandomIommufdTests()
    {
        _context = _board.Context;
        _devices = [.. Slots.Select(slot => new RandomDevice(_board, slot))];
        _devices[2].Mate = _devices[3];
        _devices[3].Mate = _devices[2];
        _board.Board.StopListening();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void N1_N2_N3_N4_N5_V7_hold_after_every_call(int round)
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DOORBELL_SEED"), out int given) ? given : Random.Shared.Next();
        _random = new Random(unchecked(seed + round));
        int step = 0;
        string what = "start";
        try
        {
            for (; step < Operations; step++)
            {
                what = Step();
                CheckAll();
            }

            what = "close";
            CloseAll();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"DOORBELL_SEED={seed}, round {round}, step {step}, {what}: {failure.Message}", failure);
        }

        // Random calls that all fail prove nothing.
        Assert.InRange(_succeeded, Operations / 4, Operations);
    }

    private string Step()
    {
        switch (_random.Next(20))
        {
            case 0:
                return AllocateSpace();
            case 1:
                return Destroy();
            case 2 or 3 or 4:
                return Map();
            case 5 or 6:
                return Unmap();
            case 7:
                return Copy();
            case 8:
                return Allow();
            case 9:
                return AllocateTable();
            case 10 or 11:
                return Open();
            case 12 or 13 or 14:
                return Attach();
            case 15:
                return Detach();
            case 16 or 17:
                return Arm();
            case 18:
                return Disarm();
            default:
                return Close();
        }
    }

    private string AllocateSpace()
    {
        if (_model.Spaces.Count < 4)
        {
            _model.Spaces.Add(new Space(Board.Ok(_context.AllocateIoas())));
            _succeeded++;
        }

        return "IOAS_ALLOC";
    }

    private string Destroy()
    {
        uint id = (uint)_random.Next(12);
        Result destroyed = _context.Destroy(id);
        Space? space = _model.Spaces.Find(each => each.Id == id);
        Table? table = _model.Tables.Find(each => each.Id == id);
        bool isDevice = id != 0 && _devices.Any(device => device.Id == id);
        bool isBusy = isDevice || (space is not null && _model.TablesOf(space).Any()) || (table is not null && _devices.Any(device => device.Table == table));
        Errno expected = isBusy ? Errno.EBUSY : space is null && table is null ? Errno.ENOENT : Errno.None;
        Assert.Equal(expected, destroyed.Errno);
        if (destroyed.IsOk)
        {
            _succeeded++;
            _model.Spaces.RemoveAll(each => each.Id == id);
            _model.Tables.RemoveAll(each => each.Id == id);
        }

        return $"DESTROY {id}";
    }

    private string Map()
    {
        if (Pick(_model.Spaces) is not { } space)
        {
            return "no IOAS to map in";
        }

        bool isFixed = _random.Next(3) != 0;
        bool isWritable = _random.Next(4) != 0;
        ulong length = Page << _random.Next(4);
        ulong offset = Page * (ulong)_random.Next(256);
        ulong first = Places[_random.Next(Places.Length)] + (Page * (ulong)_random.Next(2));
        IoasMapFlags flags = IoasMapFlags.Readable | (isWritable ? IoasMapFlags.Writeable : 0) | (isFixed ? IoasMapFlags.FixedIova : 0);
        Result<Iova> mapped = _context.Map(flags, space.Id, Board.Memory + offset, length, new Iova(first), _board.Board.Client);
        Mapped(space, mapped, isFixed, first, [new Area(0, length - 1, offset, isWritable)]);
        return $"MAP in {space.Id}";
    }

    private void Mapped(Space space, Result<Iova> mapped, bool isFixed, ulong first, List<Area> pieces)
    {
        ulong length = pieces.Aggregate(0UL, static (sum, piece) => sum + piece.Length);
        if (isFixed)
        {
            ulong last = first + (length - 1);
            Errno expected = _model.IsReserved(space, first, last) ? Errno.EINVAL
                : space.Areas.Exists(area => area.First <= last && area.Last >= first) ? Errno.EEXIST
                : Errno.None;
            Assert.Equal(expected, mapped.Errno);
        }

        if (!mapped.IsOk)
        {
            return;
        }

        _succeeded++;
        ulong at = mapped.Value.Value;
        Assert.False(_model.IsReserved(space, at, at + (length - 1)));
        Assert.DoesNotContain(space.Areas, area => area.First <= at + (length - 1) && area.Last >= at);
        Assert.True(isFixed || space.Allowed.Count == 0 || space.Allowed.Exists(range => range.First <= at && at + (length - 1) <= range.Last));
        foreach (Area piece in pieces)
        {
            space.Areas.Add(piece with { First = at, Last = at + (piece.Length - 1) });
            at += piece.Length;
        }
    }

    private string Unmap()
    {
        if (Pick(_model.Spaces) is not { } space)
        {
            return "no IOAS to unmap in";
        }

        bool isAll = _random.Next(20) == 0;
        ulong first = isAll ? 0 : Pick(space.Areas) is { } area && _random.Next(3) != 0 ? area.First : Places[_random.Next(Places.Length)];
        ulong length = isAll ? ulong.MaxValue : Page << _random.Next(5);
        ulong last = isAll ? ulong.MaxValue : first + (length - 1);
        Result<ulong> unmapped = _context.Unmap(space.Id, new Iova(first), length);
        List<Area> touched = [.. space.Areas.Where(each => each.First <= last && each.Last >= first).OrderBy(static each => each.First)];
        int whole = touched.TakeWhile(each => each.First >= first && each.Last <= last).Count();
        Assert.Equal(whole == touched.Count && (isAll || whole != 0) ? Errno.None : Errno.ENOENT, unmapped.Errno);
        touched[..whole].ForEach(each => Assert.True(space.Areas.Remove(each)));
        if (unmapped.IsOk)
        {
            _succeeded++;
            Assert.Equal(touched.Aggregate(0UL, static (sum, each) => sum + each.Length), unmapped.Value);
        }

        return $"UNMAP in {space.Id}";
    }

    private string Copy()
    {
        if (Pick(_model.Spaces) is not { } from || Pick(_model.Spaces) is not { } to || Pick(from.Areas) is not { } area)
        {
            return "nothing to copy";
        }

        bool isFixed = _random.Next(2) == 0;
        ulong first = Places[_random.Next(Places.Length)];
        Result<Iova> copied = _context.Copy(IommufdBoard.ReadWrite | (isFixed ? IoasMapFlags.FixedIova : 0), to.Id, from.Id, area.Length, new Iova(first), new Iova(area.First));
        ulong last = first + (area.Length - 1);
        bool isPlaceFree = !isFixed || (!_model.IsReserved(to, first, last) && !to.Areas.Exists(each => each.First <= last && each.Last >= first));
        if (!area.IsWritable && isPlaceFree)
        {
            Assert.Equal(isFixed ? Errno.EPERM : copied.Errno == Errno.ENOSPC ? Errno.ENOSPC : Errno.EPERM, copied.Errno);
            return "COPY of what may not be written";
        }

        Mapped(to, copied, isFixed, first, [area]);
        return $"COPY from {from.Id} to {to.Id}";
    }

    private string Allow()
    {
        if (Pick(_model.Spaces) is not { } space)
        {
            return "no IOAS to allow in";
        }

        List<(ulong First, ulong Last)> ranges = _random.Next(6) switch
        {
            0 => [(0x4000_0000, 0x4fff_ffff), (0x10_0000, 0x1f_ffff)],
            1 => [(0x700_0000, 0x8ff_ffff)],
            _ => [],
        };
        Result allowed = _context.AllowIovas(space.Id, [.. ranges.Select(static range => new IovaRange(new Iova(range.First), new Iova(range.Last)))]);
        Assert.Equal(ranges.Exists(range => _model.IsReserved(space, range.First, range.Last)) ? Errno.EADDRINUSE : Errno.None, allowed.Errno);
        if (allowed.IsOk)
        {
            _succeeded++;
            space.Allowed = ranges;
        }

        return $"ALLOW in {space.Id}";
    }

    private string AllocateTable()
    {
        if (Pick(_model.Spaces) is not { } space || Pick([.. _devices.Where(static device => device.Id != 0)]) is not { } device || _model.Tables.Count > 5)
        {
            return "no table to allocate";
        }

        Result<uint> table = _context.AllocateHwpt(HwptAllocFlags.None, device.Id, space.Id);
        Assert.Equal(CanHaveTable(space) ? Errno.None : Errno.EADDRINUSE, table.Errno);
        if (table.IsOk)
        {
            _succeeded++;
            _model.Tables.Add(new Table(table.Value, space, isAuto: false));
        }

        return $"HWPT_ALLOC in {space.Id}";
    }

    private bool CanHaveTable(Space space) => _model.TablesOf(space).Any() || !IommufdModel.Meets(space, IommufdModel.ApertureLast + 1, ulong.MaxValue);

    private bool CanHaveWindow(Space space) => _model.IsWindowReserved(space) || !IommufdModel.Meets(space, IommufdModel.WindowFirst, IommufdModel.WindowLast);

    // In any order, /dev/iommu first or last (V7).
    private void CloseAll()
    {
        RandomDevice?[] order = [.. _devices, null];
        _random.Shuffle(order);
        foreach (RandomDevice? device in order)
        {
            if (device is null)
            {
                _context.Release();
                continue;
            }

            device.CheckN4();
            device.Close();
        }

        Assert.Equal(0, _context.ObjectCount);
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Assert.All(_seen, static domain => Assert.True(domain is { IsFreed: true, IsEmpty: true }));
        _seen.Clear();
        Assert.All(_board.Host.Groups.Values, static group => Assert.False(group.IsInUse));
    }

    private T? Pick<T>(List<T> list)
        where T : class => list.Count == 0 ? null : list[_random.Next(list.Count)];
}
