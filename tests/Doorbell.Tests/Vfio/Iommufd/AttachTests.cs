using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;
using static Doorbell.Tests.Vfio.Iommufd.IommufdBoard;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>Devices bound, attached, moved and let go, armed or not.</summary>
public class AttachTests
{
    private readonly IommufdBoard _board = new();

    [Fact]
    public void V7_before_it_is_bound_a_cdev_is_EINVAL_to_everything()
    {
        VfioCdev cdev = Board.Ok(_board.Host.OpenCdev(First));
        Assert.Equal(Errno.EINVAL, cdev.GetDevice().Errno);
        Assert.Equal(Errno.EINVAL, cdev.AttachIommufdPt(_board.NewIoas()).Errno);
        Assert.Equal(Errno.EINVAL, cdev.DetachIommufdPt().Errno);
        Assert.Equal(Errno.EINVAL, cdev.BindIommufd(_board.Context, flags: 2).Errno);
        Board.Ok(cdev.BindIommufd(_board.Context));
        Assert.Equal(Errno.EINVAL, cdev.BindIommufd(_board.Context).Errno);
        Assert.Equal(Errno.ENOENT, _board.Host.OpenCdev("0000:ff:1f.7").Errno);
    }

    [Fact]
    public void A_device_is_in_use_one_way_only()
    {
        int group = _board.Board.GroupOf().Id;
        VfioCdev cdev = _board.Bind();
        Assert.Equal(Errno.EBUSY, _board.Host.OpenGroup(group).Errno);
        Assert.Equal(Errno.EINVAL, Board.Ok(_board.Host.OpenCdev(First)).BindIommufd(_board.Context).Errno);
        Assert.Equal(Errno.EINVAL, Board.Ok(_board.Host.OpenCdev(First)).BindIommufd(_board.Host.OpenIommufd()).Errno);
        cdev.Release();

        VfioGroup opened = Board.Ok(_board.Host.OpenGroup(group));
        VfioCdev again = Board.Ok(_board.Host.OpenCdev(First));
        Assert.Equal(Errno.EBUSY, again.BindIommufd(_board.Context).Errno);
        VfioContainer container = _board.Host.OpenContainer();
        Board.Ok(opened.SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        VfioDevice device = Board.Ok(opened.OpenDevice(First));
        opened.Release();
        Assert.Equal(Errno.EINVAL, again.BindIommufd(_board.Context).Errno);
        device.Release();
        Board.Ok(again.BindIommufd(_board.Context));
    }

    [Fact]
    public void V7_a_group_belongs_to_one_context()
    {
        IommufdBoard board = new("virt-gicv3", false, "0000:00:09.0", "0000:00:09.1");
        VfioCdev first = board.Bind("0000:00:09.0");
        IommufdContext other = board.Host.OpenIommufd();
        VfioCdev second = Board.Ok(board.Host.OpenCdev("0000:00:09.1"));
        Assert.Equal(Errno.EPERM, second.BindIommufd(other).Errno);
        Board.Ok(second.BindIommufd(board.Context));
        first.Release();
        second.Release();
        Board.Ok(Board.Ok(board.Host.OpenCdev("0000:00:09.1")).BindIommufd(other));
    }

    [Fact]
    public void V3_binding_behind_a_GICv2m_is_EPERM_unless_it_is_allowed_and_then_it_is_said()
    {
        IommufdBoard refused = new("virt-gicv2m");
        Assert.Equal(Errno.EPERM, Board.Ok(refused.Host.OpenCdev(First)).BindIommufd(refused.Context).Errno);
        Assert.Equal("V3", Assert.Single(refused.Board.Refusals).Rule);
        Assert.False(refused.DomainOf() != refused.Board.Physical().Iommu!.UnattachedDomain);

        IommufdBoard allowed = new("virt-gicv2m", allowUnsafe: true);
        allowed.Bind();
        Assert.Single(allowed.Board.Events.OfType<UnsafeInterruptsAllowed>());
    }

    [Fact]
    public void V4_a_device_beside_one_with_a_host_driver_is_not_bound()
    {
        IommufdBoard board = new("virt-gicv3", false, "0000:00:09.0", "0000:00:09.1");
        board.Board.Physical("0000:00:09.1").Driver = "e1000";
        Assert.Equal(Errno.EPERM, Board.Ok(board.Host.OpenCdev("0000:00:09.0")).BindIommufd(board.Context).Errno);
        Assert.Equal("V4", Assert.Single(board.Board.Refusals).Rule);
        board.Board.Physical("0000:00:09.1").Driver = null;
        board.Bind("0000:00:09.0");
    }

    [Fact]
    public void N4_a_bound_device_is_blocked_until_it_is_attached_and_arming_it_is_ENOSPC()
    {
        VfioCdev cdev = _board.Bind();
        Assert.Equal(IommuDomainType.Blocked, _board.DomainOf().Type);
        CountingTrigger trigger = new();
        Assert.Equal(Errno.ENOSPC, TryArm(cdev, [trigger]).Errno);
        Assert.Equal(1, trigger.Releases);

        // No EventID leaks: the first vector armed afterwards has the first.
        Board.Ok(cdev.AttachIommufdPt(_board.NewIoas()));
        CountingTrigger[] armed = Arm(cdev, 1);
        Assert.Equal((0x800_0040UL, 0u), MessageOf(cdev));
        Assert.True(Fire(cdev));
        Assert.Equal(1, armed[0].Signals);
    }

    [Fact]
    public void Devices_of_one_IOAS_share_its_table_and_attaching_again_changes_nothing()
    {
        uint ioas = _board.NewIoas();
        VfioCdev first = _board.Bind(First);
        VfioCdev second = _board.Bind(Second);
        uint table = Board.Ok(first.AttachIommufdPt(ioas));
        Assert.Equal(table, Board.Ok(second.AttachIommufdPt(ioas)));
        Assert.Equal(table, Board.Ok(first.AttachIommufdPt(ioas)));
        Assert.Same(_board.DomainOf(First), _board.DomainOf(Second));
        Assert.Equal(Errno.ENOENT, first.AttachIommufdPt(999).Errno);
        Assert.Equal(Errno.EINVAL, first.AttachIommufdPt(2).Errno);
        Board.Ok(first.DetachIommufdPt());
        Board.Ok(first.DetachIommufdPt());
        Assert.Equal(IommuDomainType.Blocked, _board.DomainOf(First).Type);
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(table).Errno);
        Board.Ok(second.DetachIommufdPt());
        Assert.Equal(Errno.ENOENT, _board.Context.Destroy(table).Errno);
    }

    [Theory]
    [InlineData(0x800_0000, 0x1000)]
    [InlineData(0x80f_f000, 0x1000)]
    [InlineData(0x4_0000_0000_0000, 0x1000)]
    [InlineData(0x200, 0x200)]
    public void N5_a_device_is_not_attached_over_mappings_in_its_window_beyond_its_aperture_or_not_in_pages(ulong iova, ulong length)
    {
        uint ioas = _board.NewIoas();
        _board.Map(ioas, iova, length);
        VfioCdev cdev = _board.Bind();
        Assert.Equal(Errno.EADDRINUSE, cdev.AttachIommufdPt(ioas).Errno);
        Assert.Equal(IommuDomainType.Blocked, _board.DomainOf().Type);
        Assert.Equal(2, _board.Context.ObjectCount);
        Assert.Equal([new IovaRange(default, new Iova(ulong.MaxValue))], Board.Ok(_board.Context.GetIovaRanges(ioas)).Ranges);
        Board.Ok(_board.Context.Unmap(ioas, default, ulong.MaxValue));
        Board.Ok(cdev.AttachIommufdPt(ioas));
    }

    [Fact]
    public void N5_a_device_is_not_attached_where_its_window_was_promised_to_the_user()
    {
        uint ioas = _board.NewIoas();
        Board.Ok(_board.Context.AllowIovas(ioas, [new IovaRange(new Iova(0x800_0000), new Iova(0x80f_ffff))]));
        VfioCdev cdev = _board.Bind();
        Assert.Equal(Errno.EADDRINUSE, cdev.AttachIommufdPt(ioas).Errno);
        Board.Ok(_board.Context.AllowIovas(ioas, []));
        Board.Ok(cdev.AttachIommufdPt(ioas));
    }

    [Fact]
    public void I9_the_doorbell_is_mapped_as_iommufd_maps_it_at_the_first_vector_and_once()
    {
        VfioCdev cdev = _board.Attach(_board.NewIoas());
        Assert.Empty(Maps());
        Arm(cdev, 3);
        IommuMapEvent map = Assert.Single(Maps());
        Assert.Equal((0x800_0000UL, 0x809_0000UL, 0x1000UL, 0x13), (map.Iova.Value, map.PhysicalAddress.Value, map.Size, (int)map.Protection));
    }

    [Fact]
    public void I9_N1_replacing_the_domain_of_an_armed_device_maps_the_doorbell_first_and_keeps_the_message()
    {
        uint from = _board.NewIoas();
        uint to = _board.NewIoas();
        _board.Map(to, 0x4000_0000, 0x1000);
        VfioCdev cdev = _board.Attach(from);
        CountingTrigger[] triggers = Arm(cdev, 2);
        (ulong, uint) message = MessageOf(cdev, 1);
        _board.Board.Events.Clear();

        Board.Ok(cdev.AttachIommufdPt(to));

        int mapped = Index<IommuMapEvent>(static map => map.Iova.Value == 0x800_0000);
        int attached = Index<IommuAttachEvent>(static _ => true);
        Assert.InRange(mapped, 0, attached - 1);
        Assert.Equal(-1, Index<IommuDetachEvent>(static _ => true));
        Assert.Equal(message, MessageOf(cdev, 1));
        Assert.True(Fire(cdev, 0) && Fire(cdev, 1));
        Assert.Equal((1, 1), (triggers[0].Signals, triggers[1].Signals));

        // The table that attaching had made is gone, and the first IOAS is free to go.
        Board.Ok(_board.Context.Destroy(from));
        Board.Ok(cdev.AttachIommufdPt(to));
    }

    [Fact]
    public void I9_I10_an_armed_device_that_is_detached_keeps_its_message_and_faults_until_it_is_attached_again()
    {
        uint ioas = _board.NewIoas();
        VfioCdev cdev = _board.Attach(ioas);
        CountingTrigger[] triggers = Arm(cdev, 1);
        Board.Ok(cdev.DetachIommufdPt());
        Assert.Equal((0x800_0040UL, 0u), MessageOf(cdev));
        Assert.False(Fire(cdev));
        Assert.Equal(0, triggers[0].Signals);
        IommuFaultEvent fault = Assert.Single(_board.Board.Events.OfType<IommuFaultEvent>());
        Assert.Equal((0x800_0040UL, IommuFaultReason.Blocked), (fault.Iova.Value, fault.Reason));

        _board.Board.Events.Clear();
        Board.Ok(cdev.AttachIommufdPt(ioas));
        Assert.InRange(Index<IommuMapEvent>(static map => map.Iova.Value == 0x800_0000), 0, Index<IommuAttachEvent>(static _ => true) - 1);
        Assert.True(Fire(cdev));
        Assert.Equal(1, triggers[0].Signals);
    }

    [Fact]
    public void I9_a_replacement_that_fails_leaves_the_device_where_it_was_and_working()
    {
        uint from = _board.NewIoas();
        uint bad = _board.NewIoas();
        _board.Map(bad, 0x800_0000, 0x1000);
        VfioCdev cdev = _board.Attach(from);
        CountingTrigger[] triggers = Arm(cdev, 1);
        IommuDomain before = _board.DomainOf();
        int objects = _board.Context.ObjectCount;
        Assert.Equal(Errno.EADDRINUSE, cdev.AttachIommufdPt(bad).Errno);
        Assert.Equal(objects, _board.Context.ObjectCount);
        Assert.Same(before, _board.DomainOf());
        Assert.True(Fire(cdev));
        Assert.Equal(1, triggers[0].Signals);
        Assert.Equal(2, Board.Ok(_board.Context.GetIovaRanges(from)).Ranges.Count);
        Assert.Single(Board.Ok(_board.Context.GetIovaRanges(bad)).Ranges);
    }

    [Fact]
    public void I9_the_devices_of_a_group_go_over_together_and_each_ones_vectors_keep_arriving()
    {
        IommufdBoard board = new("virt-gicv3", false, "0000:00:09.0", "0000:00:09.1");
        uint from = board.NewIoas();
        uint to = board.NewIoas();
        VfioCdev first = board.Attach(from, "0000:00:09.0");
        VfioCdev second = board.Bind("0000:00:09.1");
        Assert.Equal(Errno.EINVAL, second.AttachIommufdPt(to).Errno);
        Board.Ok(second.AttachIommufdPt(from));
        CountingTrigger[] one = Arm(first, 1);
        CountingTrigger[] two = Arm(second, 1);
        uint table = Board.Ok(first.AttachIommufdPt(to));
        Assert.Equal(table, Board.Ok(second.AttachIommufdPt(table)));
        Assert.Same(board.DomainOf("0000:00:09.0"), board.DomainOf("0000:00:09.1"));
        Assert.True(Fire(first) && Fire(second));
        Assert.Equal((1, 1), (one[0].Signals, two[0].Signals));
        Board.Ok(board.Context.Destroy(from));
    }

    [Fact]
    public void I9_devices_of_two_SMMUs_and_two_ITSs_share_an_IOAS_and_each_doorbell_page_has_its_own_place()
    {
        const string One = "0006:90:00.0";
        const string Other = "000e:90:00.0";
        IommufdBoard board = new("cavium-thunderx", false, One, Other);
        uint ioas = board.NewIoas();
        board.Map(ioas, 0x1000, 0x2000);
        VfioCdev one = board.Bind(One);
        VfioCdev other = board.Bind(Other);
        uint table = Board.Ok(one.AttachIommufdPt(ioas));
        Assert.Equal(Errno.EINVAL, other.AttachIommufdPt(table).Errno);
        Assert.NotEqual(table, Board.Ok(other.AttachIommufdPt(ioas)));
        Assert.Equal((0x2000UL, 0x2000UL), (board.DomainOf(One).MappedBytes, board.DomainOf(Other).MappedBytes));
        CountingTrigger[] triggers = [.. Arm(one, 1), .. Arm(other, 1)];
        Assert.Equal(0x800_0040UL, MessageOf(one).Address);
        Assert.Equal(0x800_1040UL, MessageOf(other).Address);
        Assert.True(Fire(one) && Fire(other));
        Assert.All(triggers, static trigger => Assert.Equal(1, trigger.Signals));
        board.Map(ioas, 0x4000_0000, 0x1000);
        Assert.True(board.DomainOf(One).TryTranslate(new Iova(0x4000_0000), IommuProtection.Read, out _));
        Assert.True(board.DomainOf(Other).TryTranslate(new Iova(0x4000_0000), IommuProtection.Read, out _));
    }

    [Theory]
    [InlineData(new[] { 'i', 'c', 'd' })]
    [InlineData(new[] { 'c', 'i', 'd' })]
    [InlineData(new[] { 'c', 'd', 'i' })]
    [InlineData(new[] { 'i', 'd', 'c' })]
    public void V7_closing_in_any_order_returns_everything(char[] order)
    {
        uint ioas = _board.NewIoas();
        _board.Map(ioas, 0x1000, 0x2000);
        VfioCdev first = _board.Attach(ioas, First);
        VfioCdev second = _board.Attach(ioas, Second);
        Board.Ok(_board.Context.AllocateHwpt(HwptAllocFlags.None, 2, ioas));
        Board.Ok(_board.Context.AllocateFaultQueue(0));
        CountingTrigger[] triggers = [.. Arm(first, 2), .. Arm(second, 1)];
        IommuDomain domain = _board.DomainOf();
        foreach (char what in order)
        {
            Assert.False(_board.Host.IsIdle);
            switch (what)
            {
                case 'i':
                    _board.Context.Release();
                    break;
                case 'c':
                    first.Release();
                    break;
                default:
                    Assert.True(Fire(second));
                    second.Release();
                    break;
            }
        }

        Assert.True(_board.Host.IsIdle);
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Assert.True(domain is { IsFreed: true, IsEmpty: true });
        Assert.All(triggers, trigger => Assert.Equal(1, trigger.Releases));
        Assert.Equal(0, _board.Context.ObjectCount);
        Assert.Same(_board.Board.Physical().Iommu!.UnattachedDomain, _board.DomainOf());
        Board.Ok(_board.Host.OpenGroup(_board.Board.GroupOf().Id));
    }

    private IEnumerable<IommuMapEvent> Maps() => _board.Board.Events.OfType<IommuMapEvent>();

    private int Index<T>(Func<T, bool> isIt)
        where T : MachineEvent => _board.Board.Events.FindIndex(each => each is T it && isIt(it));
}
