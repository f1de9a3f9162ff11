using Doorbell.Devices;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Linux;

/// <summary>Which errno wins when several things are wrong, and the eventfds that the host waits for. Behaviour: drivers/vfio of Linux 7.3.</summary>
public sealed class DeviceFileTests : IDisposable
{
    private const VfioIrqSetFlags Arm = VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger;
    private const VfioIrqSetFlags Unmask = VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionUnmask;
    private const int BadFd = 1 << 20;

    private readonly FileRig _rig = new FileRig().Assign();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(4u)]
    public void SET_IRQS_judges_its_header_before_the_data_behind_it_and_that_before_the_descriptors(uint index)
    {
        const uint Eventfd = 0x24;
        uint count = index is VfioIrqIndex.Msi or VfioIrqIndex.MsiX ? 8u : 1;

        // EFAULT would be the answer to each, if the data were copied: nothing is behind the header.
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, Eventfd, 5, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, Eventfd | 0x40, index, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, 0x26, index, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, 0x20, index, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, Eventfd, index, count, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24 + (4 * count), Eventfd, index, 0, count + 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, Eventfd, index, uint.MaxValue, 2));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(24, Eventfd, index, 1, uint.MaxValue));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(23, Eventfd, index, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(20, 0x22, index, 0, 1));
        Assert.Equal(-(int)Errno.EINVAL, AtTheEnd(19, 0x21, index, 0, 1));

        // A sound header: now it is copied, before the action is asked about.
        Assert.Equal(-(int)Errno.EFAULT, AtTheEnd(24, Eventfd, index, 0, 1));
        Assert.Equal(-(int)Errno.EFAULT, AtTheEnd(24, 0x04, index, 0, 1));
        Assert.Equal(-(int)Errno.EFAULT, AtTheEnd(21, 0x22, index, 0, 1));

        // The action before the descriptor, the descriptor last.
        Assert.Equal(-(int)Errno.ENOTTY, _rig.SetIrqs(VfioIrqSetFlags.DataEventfd, index, 0, 1, BadFd));
        Assert.Equal(-(int)Errno.ENOTTY, _rig.SetIrqs(Arm | VfioIrqSetFlags.ActionMask, index, 0, 1, BadFd));
        Assert.Equal(-(int)Errno.EBADF, _rig.SetIrqs(Arm, index, 0, 1, BadFd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(Arm, index, 0, 1, File()));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(Arm, 5, 0, 1, BadFd));

        // Not armed by any of it.
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, index, 0, 1));
    }

    [Theory]
    [InlineData(3u)]
    [InlineData(4u)]
    public void Of_ERR_and_REQ_minus_one_lets_go_and_any_other_negative_number_leaves_what_there_is(uint index)
    {
        int armed = FileRig.NewEventFd();
        Assert.Equal(0, _rig.SetIrqs(Arm, index, 0, 1, armed));
        Assert.Equal(0, _rig.SetIrqs(Arm, index, 0, 1, -2));
        Assert.Equal(0, _rig.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, index, 0, 1));
        Assert.Equal(1ul, FileRig.Take(armed));
        Assert.Equal(0, _rig.SetIrqs(Arm, index, 0, 1, -1));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, index, 0, 1));
        Sys.Close(armed);
    }

    [Fact]
    public void ERR_is_signalled_when_the_device_reports_an_error_and_REQ_when_the_host_wants_it_back()
    {
        int error = FileRig.NewEventFd(), request = FileRig.NewEventFd();
        _rig.EnableMemory();
        _rig.Write(PciTestDevice.Register.Error, 1);
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Error, 0, 1, error));
        Assert.False(_rig.Device.Device.RequestBack());
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Request, 0, 1, request));
        Assert.Equal((0ul, 0ul), (FileRig.Take(error), FileRig.Take(request)));

        _rig.Write(PciTestDevice.Register.Error, 1);
        Assert.Equal((1ul, 0ul), (FileRig.Take(error), FileRig.Take(request)));
        Assert.True(_rig.Device.Device.RequestBack());
        Assert.Equal((0ul, 1ul), (FileRig.Take(error), FileRig.Take(request)));
        Assert.Equal(2, _rig.Board.Events.OfType<PciErrorReported>().Count());
        Sys.Close(error);
        Sys.Close(request);
    }

    [Fact]
    public void INTx_comes_again_when_the_clients_eventfd_unmasks_it_while_the_pin_is_still_up()
    {
        int line = FileRig.NewEventFd(), resample = FileRig.NewEventFd();
        _rig.EnableMemory();
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Intx, 0, 1, line));
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, resample));
        _rig.Write(PciTestDevice.Register.Intx, 1);
        Assert.Equal(1ul, FileRig.Take(line));

        // Level-triggered: each unmask finds the pin up and says so once.
        for (int i = 0; i < 3; i++)
        {
            FileRig.Signal(resample);
            _rig.Client.Watcher.Drain();
            Assert.Equal((1ul, 0ul), (FileRig.Take(line), FileRig.Take(resample)));
        }

        _rig.Write(PciTestDevice.Register.Intx, 0);
        FileRig.Signal(resample);
        _rig.Client.Watcher.Drain();
        Assert.Equal(0ul, FileRig.Take(line));
        _rig.Write(PciTestDevice.Register.Intx, 1);
        Assert.Equal(1ul, FileRig.Take(line));
        Sys.Close(line);
        Sys.Close(resample);
    }

    [Fact]
    public void INTx_has_one_eventfd_that_unmasks_and_lets_go_of_it_with_minus_one_or_when_it_is_disarmed()
    {
        int line = FileRig.NewEventFd(), resample = FileRig.NewEventFd(), other = FileRig.NewEventFd();
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, resample));
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Intx, 0, 1, line));
        Assert.Equal(-(int)Errno.ENOTTY, _rig.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionMask, VfioIrqIndex.Intx, 0, 1, resample));
        Assert.Equal(-(int)Errno.EBADF, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, BadFd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, File()));
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, resample));
        Assert.Equal(-(int)Errno.EBUSY, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, other));
        Assert.Equal(1, _rig.Client.Watcher.Count);
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, -1));
        Assert.Equal(0, _rig.Client.Watcher.Count);
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, other));
        Assert.Equal(0, _rig.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 0));
        Assert.Equal(0, _rig.Client.Watcher.Count);
        Array.ForEach([line, resample, other], Sys.Close);
    }

    [Fact]
    public void An_eventfd_that_was_signalled_before_it_unmasks_counts()
    {
        int line = FileRig.NewEventFd(), resample = FileRig.NewEventFd(count: 1);
        _rig.EnableMemory();
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Intx, 0, 1, line));
        _rig.Write(PciTestDevice.Register.Intx, 1);
        Assert.Equal(1ul, FileRig.Take(line));
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, resample));
        _rig.Client.Watcher.Drain();
        Assert.Equal(1ul, FileRig.Take(line));
        Sys.Close(line);
        Sys.Close(resample);
    }

    [Fact]
    public void An_ioeventfd_writes_its_register_until_it_is_taken_away()
    {
        int fd = FileRig.NewEventFd(), second = FileRig.NewEventFd();
        _rig.EnableMemory();
        Assert.Equal(0, _rig.SetIoEventFd(0, (ulong)PciTestDevice.Register.Scratch, 0x1234_5678, 4, fd));
        Assert.Equal(0, _rig.SetIoEventFd(0, (ulong)PciTestDevice.Register.Scratch, 0xab, 1, second));
        Assert.Equal(0u, _rig.Read(PciTestDevice.Register.Scratch));
        FileRig.Signal(fd);
        _rig.Client.Watcher.Drain();
        Assert.Equal(0x1234_5678u, _rig.Read(PciTestDevice.Register.Scratch));
        FileRig.Signal(second);
        _rig.Client.Watcher.Drain();
        Assert.Equal(0x1234_56abu, _rig.Read(PciTestDevice.Register.Scratch));

        Assert.Equal(0, _rig.SetIoEventFd(0, (ulong)PciTestDevice.Register.Scratch, 0x1234_5678, 4, -1));
        FileRig.Signal(fd);
        _rig.Client.Watcher.Drain();
        Assert.Equal(0x1234_56abu, _rig.Read(PciTestDevice.Register.Scratch));
        Assert.Equal(1, _rig.Client.Watcher.Count);
        Sys.Close(fd);
        Sys.Close(second);
    }

    [Fact]
    public void IOEVENTFD_says_what_is_wrong_in_the_kernels_order()
    {
        const uint MsiXBar = 2;
        uint region0 = (uint)(DeviceFile.OffsetOf(0) >> 32);
        int fd = FileRig.NewEventFd();
        Assert.Equal(-(int)Errno.EFAULT, _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceIoEventFd, 28, 4, 0));
        Assert.Equal(-(int)Errno.EINVAL, _rig.Ioctl(_rig.Device, VfioIoctl.DeviceIoEventFd, 27, 4, 0, region0, 0, 0, (uint)fd));
        Assert.Equal(0, _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceIoEventFd, 28, 4, 0, region0, 0, 0, (uint)fd));
        foreach (uint size in new uint[] { 0, 3, 5, 15, 16, 0x14 })
        {
            Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(0, 8, 0, size, fd));
        }

        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(0, 8, 0, 4, -2));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(VfioRegionIndex.Config, 8, 0, 4, fd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(1, 0, 0, 4, BadFd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(0, 4093, 0, 4, fd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(MsiXBar, 12, 0, 4, fd));
        Assert.Equal(-(int)Errno.EEXIST, _rig.SetIoEventFd(0, 0, 0, 4, BadFd));
        Assert.Equal(-(int)Errno.ENODEV, _rig.SetIoEventFd(0, 0, 1, 4, -1));
        Assert.Equal(-(int)Errno.EBADF, _rig.SetIoEventFd(0, 0, 1, 4, BadFd));
        Assert.Equal(-(int)Errno.EINVAL, _rig.SetIoEventFd(0, 0, 1, 4, File()));
        for (uint i = 1; i < VfioDevice.MaxIoEvents; i++)
        {
            Assert.Equal(0, _rig.SetIoEventFd(0, 8, i, 4, fd));
        }

        Assert.Equal(-(int)Errno.ENOSPC, _rig.SetIoEventFd(0, 16, 1, 4, BadFd));
        Assert.Equal(0, _rig.SetIoEventFd(0, 0, 0, 4, -1));
        Assert.Equal(0, _rig.SetIoEventFd(0, 16, 1, 4, fd));
        Sys.Close(fd);
    }

    [Fact]
    public void A_device_that_is_closed_waits_for_no_eventfd_any_more()
    {
        int line = FileRig.NewEventFd(), fd = FileRig.NewEventFd();
        Assert.Equal(0, _rig.SetIrqs(Arm, VfioIrqIndex.Intx, 0, 1, line));
        Assert.Equal(0, _rig.SetIrqs(Unmask, VfioIrqIndex.Intx, 0, 1, fd));
        Assert.Equal(0, _rig.SetIoEventFd(0, 8, 1, 8, fd));
        Assert.Equal(2, _rig.Client.Watcher.Count);
        _rig.Device.Release();
        Assert.Equal(0, _rig.Client.Watcher.Count);
        _rig.Assign(reopen: true);
        Sys.Close(line);
        Sys.Close(fd);
    }

    [Fact]
    public void FEATURE_judges_flags_then_number_then_size_then_copies_then_looks_at_the_descriptor()
    {
        const uint Set = 1 << 17, Get = 1 << 16, Probe = 1 << 18, WithWakeup = 4;
        Assert.Equal(-(int)Errno.EFAULT, _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceFeature, 8));
        Assert.Equal(-(int)Errno.EINVAL, Feature(7, Set | WithWakeup));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, (1 << 19) | Set | 99));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, Set | Get | 99));
        Assert.Equal(-(int)Errno.ENOTTY, Feature(8, Set | 99));
        Assert.All(new uint[] { 0, 1, 2, 6, 7, 8, 9, 10, 11, 13 }, number => Assert.Equal(-(int)Errno.ENOTTY, Feature(8, Probe | number)));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, Probe | VfioFeature.MigrationPrecopyInfoV2));
        Assert.Equal(-(int)Errno.EINVAL, Feature(16, Get | WithWakeup));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, WithWakeup));
        Assert.Equal(0, Feature(8, Probe | Set | WithWakeup));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, Set | WithWakeup));
        Assert.Equal(-(int)Errno.EFAULT, _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceFeature, 16, Set | WithWakeup));
        Assert.Equal(-(int)Errno.EINVAL, Feature(16, Set | WithWakeup, -1));
        Assert.Equal(-(int)Errno.EBADF, Feature(16, Set | WithWakeup, BadFd));
        Assert.Equal(-(int)Errno.EINVAL, Feature(16, Set | WithWakeup, File()));
        Assert.Equal(0, Feature(8, Set | VfioFeature.LowPowerEntry));
        Assert.Equal(-(int)Errno.EINVAL, Feature(8, Set | VfioFeature.LowPowerEntry));
        Assert.Equal(0, Feature(8, Set | VfioFeature.LowPowerExit));
        Assert.Equal(0, Feature(8, Set | VfioFeature.LowPowerExit));
    }

    [Fact]
    public void A_device_that_sleeps_wakes_for_an_access_and_says_so_once_where_it_was_asked_to()
    {
        const uint Set = 1 << 17;
        int wakeup = FileRig.NewEventFd();
        _rig.EnableMemory();
        Assert.Equal(0, Feature(16, Set | VfioFeature.LowPowerEntryWithWakeup, wakeup));
        Assert.Equal(0ul, FileRig.Take(wakeup));
        Assert.Equal(PciTestDevice.Identification, _rig.Read(PciTestDevice.Register.Id));
        Assert.Equal(1ul, FileRig.Take(wakeup));
        Assert.Equal(PciTestDevice.Identification, _rig.Read(PciTestDevice.Register.Id));
        Assert.Equal(0ul, FileRig.Take(wakeup));

        // Awake by now, so that it may go to sleep again; without a wake-up it goes back to sleep after every access.
        Assert.Equal(0, Feature(8, Set | VfioFeature.LowPowerEntry));
        Assert.Equal(PciTestDevice.Identification, _rig.Read(PciTestDevice.Register.Id));
        Assert.Equal(-(int)Errno.EINVAL, Feature(16, Set | VfioFeature.LowPowerEntryWithWakeup, wakeup));
        Sys.Close(wakeup);
    }

    [Fact]
    public void What_only_a_cdev_or_another_driver_knows_is_refused_as_vfio_pci_does()
    {
        Assert.Equal(-(int)Errno.EFAULT, _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceBindIommufd, 12));
        Assert.Equal(-(int)Errno.EINVAL, _rig.Ioctl(_rig.Device, VfioIoctl.DeviceBindIommufd, 12, 0, 3));
        Assert.All(
            [VfioIoctl.DeviceAttachIommufdPt, VfioIoctl.DeviceDetachIommufdPt, VfioIoctl.DeviceQueryGfxPlane, VfioIoctl.DeviceGetGfxDmabuf],
            request => Assert.Equal(-(int)Errno.ENOTTY, _rig.Ioctl(_rig.Device, request, 64)));
    }

    private int Feature(uint argsz, uint flags, int fd = 0) => _rig.Ioctl(_rig.Device, VfioIoctl.DeviceFeature, argsz, flags, (uint)fd, 0);

    private int AtTheEnd(uint argsz, uint flags, uint index, uint start, uint count) =>
        _rig.IoctlAtTheEnd(_rig.Device, VfioIoctl.DeviceSetIrqs, argsz, flags, index, start, count);

    // A descriptor of a file that is no eventfd.
    private int File() => _rig.NoEventFd;
}
