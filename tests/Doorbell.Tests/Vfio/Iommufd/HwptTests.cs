using Doorbell.Iommu;
using Doorbell.Vfio.Iommufd;
using static Doorbell.Tests.Vfio.Iommufd.IommufdBoard;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>Tables a user makes (captures, hwpt.*), and what the hardware says.</summary>
public class HwptTests
{
    private readonly IommufdBoard _board = new();

    [Theory]
    [InlineData(HwptAllocFlags.DirtyTracking, HwptDataType.None, Errno.EOPNOTSUPP)]
    [InlineData(HwptAllocFlags.FaultIdValid, HwptDataType.None, Errno.EOPNOTSUPP)]
    [InlineData((HwptAllocFlags)0x80, HwptDataType.None, Errno.EOPNOTSUPP)]
    [InlineData(HwptAllocFlags.None, HwptDataType.ArmSmmuV3, Errno.EOPNOTSUPP)]
    public void What_no_unit_here_can_do_is_EOPNOTSUPP_and_leaves_no_object(HwptAllocFlags flags, HwptDataType type, Errno expected)
    {
        uint ioas = _board.NewIoas();
        _board.Bind();
        Assert.Equal(expected, _board.Context.AllocateHwpt(flags, 2, ioas, type, type == HwptDataType.None ? 0u : 16).Errno);
        Assert.Equal(2, _board.Context.ObjectCount);
    }

    [Fact]
    public void Numbers_that_are_wrong_and_tables_on_tables_are_refused_as_the_kernel_does()
    {
        uint ioas = _board.NewIoas();
        _board.Bind();
        Assert.Equal(Errno.ENOENT, _board.Context.AllocateHwpt(HwptAllocFlags.None, 999, ioas).Errno);
        Assert.Equal(Errno.EINVAL, _board.Context.AllocateHwpt(HwptAllocFlags.None, 2, 999).Errno);
        Assert.Equal(Errno.EINVAL, _board.Context.AllocateHwpt(HwptAllocFlags.None, 2, ioas, HwptDataType.None, 16).Errno);
        uint parent = Board.Ok(_board.Context.AllocateHwpt(HwptAllocFlags.NestParent, 2, ioas));
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.AllocateHwpt(HwptAllocFlags.None, 2, parent, HwptDataType.ArmSmmuV3, 16).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.AllocateViommu(2).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.AllocateVdevice(parent).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.SetDirtyTracking(parent, 1).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.GetDirtyBitmap(parent, 0).Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.SetDirtyTracking(ioas, 1).Errno);
    }

    [Fact]
    public void A_table_is_filled_at_once_follows_its_IOAS_and_is_the_users_to_destroy()
    {
        uint ioas = _board.NewIoas();
        _board.Map(ioas, 0x10_0000, 0x4000);
        VfioCdev cdev = _board.Bind();
        uint table = Board.Ok(_board.Context.AllocateHwpt(HwptAllocFlags.Pasid, 2, ioas));
        Assert.Equal(0x4000UL, _board.Board.Client.Pinned);
        _board.Map(ioas, 0x20_0000, 0x1000);
        Assert.Equal(table, Board.Ok(cdev.AttachIommufdPt(table)));
        Assert.Equal(0x5000UL, _board.DomainOf().MappedBytes);
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(table).Errno);
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(ioas).Errno);

        // Going over to the IOAS makes a table of its own; the user's stays.
        uint made = Board.Ok(cdev.AttachIommufdPt(ioas));
        Assert.NotEqual(table, made);
        Board.Ok(_board.Context.Destroy(table));
        Board.Ok(cdev.DetachIommufdPt());
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Board.Ok(_board.Context.Destroy(ioas));
    }

    [Fact]
    public void I9_N1_armed_vectors_go_from_table_to_table_of_one_IOAS_and_stay_where_they_are_when_the_table_is_lost()
    {
        uint ioas = _board.NewIoas();
        VfioCdev cdev = _board.Attach(ioas);
        CountingTrigger[] triggers = Arm(cdev, 2);
        uint table = Board.Ok(_board.Context.AllocateHwpt(HwptAllocFlags.NestParent, 2, ioas));
        Board.Ok(cdev.AttachIommufdPt(table));
        Assert.Equal(2, _board.DomainOf().ReservedIovas!.ReferenceCount);
        Assert.True(Fire(cdev));

        // The table they were armed through is destroyed while they are detached; the next one takes them as they are.
        Board.Ok(cdev.DetachIommufdPt());
        Board.Ok(_board.Context.Destroy(table));
        Board.Ok(cdev.AttachIommufdPt(ioas));
        Assert.Equal(2, _board.DomainOf().ReservedIovas!.ReferenceCount);
        Assert.True(Fire(cdev, 1));
        Assert.Equal((1, 1), (triggers[0].Signals, triggers[1].Signals));
    }

    [Fact]
    public void N5_a_table_that_has_doorbells_keeps_their_window_from_the_user_while_no_device_is_attached()
    {
        uint ioas = _board.NewIoas();
        VfioCdev cdev = _board.Bind();
        uint table = Board.Ok(_board.Context.AllocateHwpt(HwptAllocFlags.None, 2, ioas));
        _board.Map(ioas, 0x800_0000, 0x1000);
        Assert.Equal(Errno.EADDRINUSE, cdev.AttachIommufdPt(table).Errno);
        Board.Ok(_board.Context.Unmap(ioas, new Iova(0x800_0000), 0x1000));
        Board.Ok(cdev.AttachIommufdPt(table));
        Arm(cdev, 1);
        Board.Ok(cdev.DetachIommufdPt());
        Assert.Equal(Errno.EINVAL, _board.TryMap(ioas, 0x800_0000, 0x1000).Errno);
        Board.Ok(_board.Context.Destroy(table));
        _board.Map(ioas, 0x800_0000, 0x1000);
    }

    [Fact]
    public void Hardware_info_of_an_SMMUv3_is_what_its_driver_reports()
    {
        _board.NewIoas();
        _board.Bind();
        IommufdHardwareInfo info = Board.Ok(_board.Context.GetHardwareInfo(2));
        Assert.Equal((HardwareInfoType.ArmSmmuV3, HardwareCapabilities.AtsNotSupported, (byte)0), (info.Type, info.Capabilities, info.MaxPasidLog2));
        Assert.Equal("00000000000000001b10440d10007302000000001414000000000000740000000000000001000000", Convert.ToHexString(info.Data.Span), ignoreCase: true);
    }

    [Fact]
    public void A_file_is_mapped_as_memory_is_and_only_files_can_change_process()
    {
        uint ioas = _board.NewIoas();
        VfioCdev cdev = _board.Attach(ioas);
        ArrayMemory file = new(0, 0x1_0000);
        Assert.Equal(new Iova(0x5000_0000), Board.Ok(_board.Context.MapFile(Fixed, ioas, file, 0x4000, 0x4000, new Iova(0x5000_0000))));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x5000_0010), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(0x4010UL, pa.Value & 0xffff_ffff_ffff);
        Board.Ok(_board.Context.ChangeProcess());
        _board.Map(ioas, 0x1000, 0x1000);
        Assert.Equal(Errno.EINVAL, _board.Context.ChangeProcess().Errno);
        cdev.Release();
        _board.Context.Release();
        Assert.Equal((0UL, true), (file.Pinned, _board.Host.IsIdle));
    }

    [Fact]
    public void The_IOAS_of_containers_is_whatever_was_named_until_it_goes()
    {
        Assert.Equal(Errno.ENODEV, _board.Context.GetVfioIoas().Errno);
        uint ioas = _board.NewIoas();
        Board.Ok(_board.Context.SetVfioIoas(ioas));
        Assert.Equal(ioas, Board.Ok(_board.Context.GetVfioIoas()));
        Board.Ok(_board.Context.Destroy(ioas));
        Assert.Equal(Errno.ENODEV, _board.Context.GetVfioIoas().Errno);
        Assert.Equal(Errno.ENOENT, _board.Context.SetVfioIoas(999).Errno);
        uint queue = Board.Ok(_board.Context.AllocateFaultQueue(0));
        Assert.Equal(Errno.EBUSY, _board.Context.Destroy(queue).Errno);
        _board.Context.ReleaseFaultQueue(queue);
        Board.Ok(_board.Context.Destroy(queue));
        Assert.Equal(Errno.EOPNOTSUPP, _board.Context.AllocateFaultQueue(1).Errno);
    }
}
