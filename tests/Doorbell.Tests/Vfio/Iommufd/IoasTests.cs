using Doorbell.Iommu;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;
using static Doorbell.Tests.Vfio.Iommufd.IommufdBoard;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>What an IOAS lets be mapped; the numbers are the captures' (iommufd.jsonl).</summary>
public class IoasTests
{
    private readonly IommufdBoard _board = new();

    [Fact]
    public void V2_an_IOAS_without_devices_has_all_ranges_and_one_with_a_device_has_the_window_and_the_aperture_cut_out()
    {
        uint ioas = _board.NewIoas();
        IoasIovaRanges fresh = Board.Ok(_board.Context.GetIovaRanges(ioas));
        Assert.Equal([new IovaRange(default, new Iova(ulong.MaxValue))], fresh.Ranges);
        Assert.Equal(1UL, fresh.Alignment);

        VfioCdev cdev = _board.Attach(ioas);
        IoasIovaRanges attached = Board.Ok(_board.Context.GetIovaRanges(ioas));
        Assert.Equal([new IovaRange(default, new Iova(0x7ff_ffff)), new IovaRange(new Iova(0x810_0000), new Iova(0xffff_ffff_ffff))], attached.Ranges);
        Assert.Equal(0x1000UL, attached.Alignment);
        Assert.Equal(Errno.EMSGSIZE, attached.CheckRoom(1).Errno);
        Assert.True(attached.CheckRoom(2).IsOk);

        Board.Ok(cdev.DetachIommufdPt());
        Assert.Equal(fresh.Ranges, Board.Ok(_board.Context.GetIovaRanges(ioas)).Ranges);
    }

    [Theory]
    [InlineData(0, 0x1000, Errno.EEXIST)]
    [InlineData(0x800_0000, 0x1000, Errno.EINVAL)]
    [InlineData(0x80f_f000, 0x1000, Errno.EINVAL)]
    [InlineData(0x7ff_0000, 0x12_0000, Errno.EINVAL)]
    [InlineData(0x1_0000_0000_0000, 0x1000, Errno.EINVAL)]
    [InlineData(0x2000_0200, 0x1000, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0x1200, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0, Errno.EINVAL)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, Errno.EOVERFLOW)]
    [InlineData(0, 0xffff_ffff_ffff_ffff, Errno.EOVERFLOW)]
    [InlineData(0x2000_0000, 0x1000_0000, Errno.EFAULT)]
    public void N5_map_refuses_as_the_kernel_does_and_leaves_nothing(ulong iova, ulong length, Errno expected)
    {
        uint ioas = _board.NewIoas();
        _board.Attach(ioas);
        _board.Map(ioas, 0, 0x1000);
        Assert.Equal(expected, _board.TryMap(ioas, iova, length).Errno);
        Assert.Equal(0x1000UL, _board.Board.Client.Pinned);
        Assert.Equal(0x1000UL, _board.DomainOf().MappedBytes);
        Assert.Single(_board.Board.Refusals);
    }

    [Theory]
    [InlineData(IoasMapFlags.FixedIova, Errno.EINVAL)]
    [InlineData((IoasMapFlags)0xf, Errno.EOPNOTSUPP)]
    public void Map_refuses_flags_as_the_kernel_does(IoasMapFlags flags, Errno expected) =>
        Assert.Equal(expected, _board.TryMap(_board.NewIoas(), 0x1000, 0x1000, flags).Errno);

    [Fact]
    public void Without_a_fixed_IOVA_a_mapping_goes_to_the_lowest_place_that_keeps_the_memorys_alignment()
    {
        uint ioas = _board.NewIoas();
        _board.Attach(ioas);
        _board.Map(ioas, 0, 0x1000);
        _board.Map(ioas, 0x10_0000, 0x10_0000);
        Assert.Equal(0x1000UL, _board.Map(ioas, 0x7777_0000, 0x1000, ReadWrite));
        Assert.Equal(0x20_0000UL, _board.Map(ioas, 0, 0x10_0000, ReadWrite));
        Assert.Equal(0x40_0000UL, _board.Map(ioas, 0, 0x20_0000, ReadWrite));
        Assert.Equal(0x2000UL, _board.Map(ioas, 0, 0x1000, ReadWrite));
        Assert.Equal(Errno.EINVAL, _board.TryMap(ioas, 0, 0x1000, ReadWrite, offset: 0x200).Errno);
    }

    [Fact]
    public void N5_without_a_fixed_IOVA_no_mapping_ever_meets_the_window_or_leaves_the_aperture()
    {
        uint ioas = _board.NewIoas();
        _board.Attach(ioas);
        Board.Ok(_board.Context.AllowIovas(ioas, [new IovaRange(new Iova(0x7f0_0000), new Iova(0x7ff_ffff)), new IovaRange(new Iova(0x810_0000), new Iova(0x81f_ffff))]));
        HashSet<ulong> places = [];
        for (int i = 0; i < 512; i++)
        {
            Assert.True(places.Add(_board.Map(ioas, 0, 0x1000, ReadWrite)));
        }

        Assert.Equal(0x7f0_0000UL, places.Min());
        Assert.Equal(0x81f_f000UL, places.Max());
        Assert.DoesNotContain(places, iova => iova is >= 0x800_0000 and < 0x810_0000);
        Assert.Equal(Errno.ENOSPC, _board.TryMap(ioas, 0, 0x1000, ReadWrite).Errno);
    }

    [Fact]
    public void Allowed_ranges_guide_mappings_without_a_fixed_IOVA_only()
    {
        uint ioas = _board.NewIoas();
        Board.Ok(_board.Context.AllowIovas(ioas, [new IovaRange(new Iova(0x1_0000_0000), new Iova(0x1_ffff_ffff)), new IovaRange(new Iova(0x4000_0000), new Iova(0x7fff_ffff))]));
        Assert.Single(Board.Ok(_board.Context.GetIovaRanges(ioas)).Ranges);
        Assert.Equal(0x4000_0000UL, _board.Map(ioas, 0, 0x1000, ReadWrite));
        Assert.Equal(0x2000_0000UL, _board.Map(ioas, 0x2000_0000, 0x1000));
        Assert.Equal(Errno.EINVAL, _board.Context.AllowIovas(ioas, [new IovaRange(new Iova(0x4000), new Iova(0x8000)), new IovaRange(new Iova(0x5000), new Iova(0x9000))]).Errno);
        Assert.Equal(Errno.EINVAL, _board.Context.AllowIovas(ioas, [new IovaRange(new Iova(0x4000), new Iova(0x4000))]).Errno);
        Board.Ok(_board.Context.AllowIovas(ioas, []));
        _board.Attach(ioas);
        Assert.Equal(Errno.EADDRINUSE, _board.Context.AllowIovas(ioas, [new IovaRange(default, new Iova(0xffff_ffff))]).Errno);
    }

    [Theory]
    [InlineData(0x1000_0000, 0x1000, Errno.ENOENT)]
    [InlineData(0x1000_3000, 0x1000, Errno.ENOENT)]
    [InlineData(0x0fff_f000, 0x2000, Errno.ENOENT)]
    [InlineData(0x5000_0000, 0x1000, Errno.ENOENT)]
    [InlineData(0x800_0000, 0x10_0000, Errno.ENOENT)]
    [InlineData(0x1000_0000, 0, Errno.EINVAL)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, Errno.EOVERFLOW)]
    public void Unmap_takes_whole_mappings_or_refuses_as_the_kernel_does(ulong iova, ulong length, Errno expected)
    {
        uint ioas = _board.NewIoas();
        _board.Attach(ioas);
        _board.Map(ioas, 0x1000_0000, 0x4000);
        Assert.Equal(expected, _board.Context.Unmap(ioas, new Iova(iova), length).Errno);
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x1000_3fff), IommuProtection.Write, out _));
    }

    [Fact]
    public void Unmap_of_a_range_around_mappings_and_of_everything_says_how_much_there_was()
    {
        uint ioas = _board.NewIoas();
        _board.Attach(ioas);
        _board.Map(ioas, 0x1000_0000, 0x4000);
        Assert.Equal(0x4000UL, Board.Ok(_board.Context.Unmap(ioas, new Iova(0x0fff_f000), 0x8000)));
        Assert.Equal(0UL, Board.Ok(_board.Context.Unmap(ioas, default, ulong.MaxValue)));
        _board.Map(ioas, 0, 0x1000);
        _board.Map(ioas, 0xffff_ffff_f000, 0x1000);
        Assert.Equal(0x2000UL, Board.Ok(_board.Context.Unmap(ioas, default, ulong.MaxValue)));
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Assert.Equal(0UL, _board.DomainOf().MappedBytes);
    }

    [Fact]
    public void Copy_maps_the_same_memory_elsewhere_and_never_with_more_access()
    {
        uint from = _board.NewIoas();
        uint to = _board.NewIoas();
        _board.Attach(to);
        _board.Map(from, 0x1000_0000, 0x4000, Fixed, offset: 0x8000);
        _board.Map(from, 0x1000_4000, 0x4000, Fixed, offset: 0x20_0000);
        _board.Map(from, 0x3000_0000, 0x1000, IoasMapFlags.Readable | IoasMapFlags.FixedIova);

        Assert.Equal(new Iova(0x4000_0000), Board.Ok(_board.Context.Copy(Fixed, to, from, 0x6000, new Iova(0x4000_0000), new Iova(0x1000_1000))));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x4000_2fff), IommuProtection.Write, out PhysicalAddress low));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x4000_3000), IommuProtection.Write, out PhysicalAddress high));
        Assert.Equal((Board.Memory + 0xbfff, Board.Memory + 0x20_0000), (low.Value & 0xffff_ffff_ffff, high.Value & 0xffff_ffff_ffff));
        Assert.Equal(Errno.EEXIST, _board.Context.Copy(Fixed, to, from, 0x4000, new Iova(0x4000_0000), new Iova(0x1000_0000)).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.Copy(Fixed, to, from, 0x1000, new Iova(0x4200_0000), new Iova(0x6000_0000)).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.Copy(Fixed, to, from, 0x9000, new Iova(0x4200_0000), new Iova(0x1000_0000)).Errno);
        Assert.Equal(Errno.EPERM, _board.Context.Copy(Fixed, to, from, 0x1000, new Iova(0x4400_0000), new Iova(0x3000_0000)).Errno);
        Assert.Equal(new Iova(0x4000), Board.Ok(_board.Context.Copy(ReadWrite, to, from, 0x4000, default, new Iova(0x1000_4000))));

        // The source may go: what was copied stays.
        Board.Ok(_board.Context.Unmap(from, default, ulong.MaxValue));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x4000_0000), IommuProtection.Read, out _));
    }

    [Fact]
    public void Numbers_are_the_lowest_that_are_free_and_another_kind_is_ENOENT()
    {
        Assert.Equal((1u, 2u), (_board.NewIoas(), _board.NewIoas()));
        VfioCdev cdev = Board.Ok(_board.Host.OpenCdev(First));
        Assert.Equal(3u, Board.Ok(cdev.BindIommufd(_board.Context)));
        Assert.Equal(Errno.ENOENT, _board.TryMap(3, 0x1000, 0x1000).Errno);
        Assert.Equal(Errno.ENOENT, _board.TryMap(999, 0x1000, 0x1000).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.GetHardwareInfo(1).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.Destroy(0).Errno);
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(3).Errno);
        Assert.Equal(4u, Board.Ok(cdev.AttachIommufdPt(2)));
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(2).Errno);
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(4).Errno);
        Board.Ok(_board.Context.Destroy(1));
        Assert.Equal(1u, _board.NewIoas());
    }

    [Fact]
    public void Memory_is_pinned_while_a_table_holds_it_and_a_bad_address_is_told_when_a_device_is_attached()
    {
        uint ioas = _board.NewIoas();
        _board.Map(ioas, 0x1000, 0x2000);
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        VfioCdev cdev = _board.Attach(ioas);
        Assert.Equal(0x2000UL, _board.Board.Client.Pinned);
        Board.Ok(cdev.DetachIommufdPt());
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Board.Ok(_board.Context.Map(Fixed, ioas, 0x1000, 0x1000, new Iova(0x9000), _board.Board.Client));
        Assert.Equal(Errno.EFAULT, cdev.AttachIommufdPt(ioas).Errno);
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Assert.False(cdev.IsAttached);
    }

    [Fact]
    public void Huge_pages_off_maps_in_smallest_pages()
    {
        uint ioas = _board.NewIoas();
        Assert.Equal(0UL, Board.Ok(_board.Context.Option(IommufdOption.HugePages, IommufdOptionOperation.Set, ioas, 0)));
        Assert.Equal(0UL, Board.Ok(_board.Context.Option(IommufdOption.HugePages, IommufdOptionOperation.Get, ioas, 0)));
        _board.Map(ioas, 0x20_0000, 0x20_0000);
        _board.Attach(ioas);
        Assert.Equal(512, _board.DomainOf().EntryCount);
        Assert.Equal(Errno.EINVAL, _board.Context.Option(IommufdOption.HugePages, IommufdOptionOperation.Set, ioas, 2).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.Option(IommufdOption.HugePages, IommufdOptionOperation.Get, 999, 0).Errno);
    }

    [Fact]
    public void Options_of_the_context_come_before_its_first_object()
    {
        Assert.Equal(1UL, Board.Ok(_board.Context.Option(IommufdOption.RlimitMode, IommufdOptionOperation.Set, 0, 1)));
        Assert.Equal(1UL, Board.Ok(_board.Context.Option(IommufdOption.RlimitMode, IommufdOptionOperation.Get, 0, 0)));
        Assert.Equal(Errno.EINVAL, _board.Context.Option(IommufdOption.RlimitMode, IommufdOptionOperation.Set, 0, 2).Errno);
        uint ioas = _board.NewIoas();
        Assert.Equal(Errno.EBUSY, _board.Context.Option(IommufdOption.RlimitMode, IommufdOptionOperation.Set, 0, 2).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.Option(IommufdOption.RlimitMode, IommufdOptionOperation.Get, ioas, 0).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.Option((IommufdOption)7, IommufdOptionOperation.Get, 0, 0).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.Option(IommufdOption.RlimitMode, (IommufdOptionOperation)5, 0, 0).Errno);
    }
}
