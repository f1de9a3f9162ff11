using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.Machines;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

public class MsiDomainTests
{
    [Fact]
    public void M1_M2_The_ITS_says_that_it_translates_by_requester_for_PCI_and_for_platform_devices()
    {
        TestBoard board = TestBoard.WithIts();
        var its = (ItsDomain)board.Msi.Parent!;
        Assert.True(board.Msi.Info.IrqRemapping);
        Assert.True(board.Msi.IsIsolated);
        MsiDomain platform = MsiDomains.PlatformMsi(its, board.Events);
        Assert.True(platform.Info.IrqRemapping);
        Assert.True(platform.IsIsolated);
    }

    [Fact]
    public void M1_Mainlines_flag_on_the_hierarchy_says_the_same_without_the_flag_of_the_series()
    {
        TestBoard board = TestBoard.WithIts();
        var plain = new MsiDomain("plain", board.Msi.Parent!, new MsiDomainInfo(MsiDomainFlags.PciMsiX), board.Events);
        Assert.False(plain.Info.IrqRemapping);
        Assert.True(plain.IsIsolated);
        Assert.False(board.Gic.HasIsolatedMsi);
    }

    [Fact]
    public void M2_GICv2m_does_not_say_so()
    {
        TestBoard board = TestBoard.WithV2m();
        Assert.False(board.Msi.Info.IrqRemapping);
        Assert.False(board.Msi.IsIsolated);
        Assert.False(MsiDomains.PlatformMsi((GicV2mDomain)board.Msi.Parent!, board.Events).IsIsolated);
    }

    [Fact]
    public void M3_The_info_can_be_asked_of_any_domain_and_only_an_MSI_domain_has_it()
    {
        TestBoard board = TestBoard.WithIts();
        Assert.Same(board.Msi.Info, MsiDomain.GetDomainInfo(board.Msi));
        for (IrqDomain? domain = board.Msi.Parent; domain is not null; domain = domain.Parent)
        {
            Assert.Null(MsiDomain.GetDomainInfo(domain));
        }
    }

    [Theory]
    [InlineData(MsiKind.MsiX, 0, Errno.EINVAL)]
    [InlineData(MsiKind.MsiX, 11, Errno.ENOSPC)]
    [InlineData(MsiKind.Platform, 1, Errno.EINVAL)]
    public void What_the_device_cannot_do_is_refused_and_changes_nothing(MsiKind kind, int count, Errno errno)
    {
        TestBoard board = TestBoard.WithIts();
        TestMsiDevice device = board.NewDevice(null);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Assert.Equal(errno, vectors.Allocate(kind, count).Errno);
        Assert.Empty(device.Log);
        Assert.Empty(board.Trace);
    }

    [Fact]
    public void What_the_domain_cannot_do_is_refused()
    {
        TestBoard board = TestBoard.WithIts();
        var one = new MsiDomain("one", board.Msi.Parent!, new MsiDomainInfo(MsiDomainFlags.None), board.Events);
        TestMsiDevice device = board.NewDevice(null);
        device.Limits[MsiKind.Msi] = 4;
        MsiDeviceVectors vectors = one.CreateDeviceVectors(device);
        Assert.Equal(Errno.EOPNOTSUPP, vectors.Allocate(MsiKind.MsiX, 1).Errno);
        Assert.Equal(Errno.ENOSPC, vectors.Allocate(MsiKind.Msi, 2).Errno);
        Assert.True(vectors.Allocate(MsiKind.Msi, 1).IsOk);
        Assert.Equal(Errno.EINVAL, vectors.Allocate(MsiKind.Msi, 1).Errno);
    }

    [Fact]
    public void M9_Platform_MSI_goes_through_the_same_path_to_the_devices_own_write()
    {
        TestBoard board = TestBoard.WithIts();
        MsiDomain platform = MsiDomains.PlatformMsi((ItsDomain)board.Msi.Parent!, board.Events);
        TestMsiDevice device = board.NewDevice(board.NewDomain(), 0x77);
        device.Limits[MsiKind.Platform] = 3;
        MsiDeviceVectors vectors = platform.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.Platform, 3).IsOk);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
            Assert.True(device.Send(MsiKind.Platform, i));
            Assert.Equal(1, handler[i]);
        }

        vectors.Dispose();
        Assert.True(device.IommuDomain!.IsEmpty);
    }

    [Fact]
    public void A_device_has_one_set_of_vectors_so_that_asking_again_costs_the_controller_nothing()
    {
        TestBoard board = TestBoard.WithIts();
        TestMsiDevice device = board.NewDevice(null);
        device.Limits[MsiKind.Msi] = 1;
        for (int i = 0; i < 3; i++)
        {
            // As VFIO: MSI first, MSI-X later, each time asked anew.
            Assert.True(board.Msi.CreateDeviceVectors(device).Allocate(MsiKind.Msi, 1).IsOk);
            board.Msi.CreateDeviceVectors(device).FreeAll();
            Assert.True(board.Msi.CreateDeviceVectors(device).Allocate(MsiKind.MsiX, 10).IsOk);
            board.Msi.CreateDeviceVectors(device).FreeAll();
        }

        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        vectors.Dispose();
        Assert.NotSame(vectors, board.Msi.CreateDeviceVectors(device));
    }

    [Fact]
    public void M11_Several_ITSs_share_the_GICs_LPIs_and_each_translates_its_own_devices()
    {
        TestBoard board = TestBoard.WithIts();
        var second = new GicV3Its("its@8180000", new PhysicalAddress(0x818_0000), board.Gic, board.Events);
        board.Add(second.TranslationFrame, GicV3Its.TranslationFrameSize, second, second.Doorbell);
        MsiDomain other = MsiDomains.PciMsi(new ItsDomain(second), board.Events);
        var handlers = new[] { new CountingHandler(), new CountingHandler() };
        TestMsiDevice[] devices = [board.NewDevice(null, 0x8), board.NewDevice(null, 0x8)];
        MsiDeviceVectors[] vectors = [board.Msi.CreateDeviceVectors(devices[0]), other.CreateDeviceVectors(devices[1])];
        for (int i = 0; i < 2; i++)
        {
            Assert.True(vectors[i].Allocate(MsiKind.MsiX, 2).IsOk);
            Assert.True(vectors[i].Request(0, handlers[i]).IsOk);
            Assert.True(devices[i].Send(0));
        }

        Assert.Equal((1, 1), (handlers[0].Total, handlers[1].Total));
        Assert.NotEqual(vectors[0].GetIrq(0)!.Intid, vectors[1].GetIrq(0)!.Intid);
        Assert.NotEqual(vectors[0].GetMessage(0).Address, vectors[1].GetMessage(0).Address);
    }

    [Theory]
    [InlineData(MsiKind.MsiX)]
    [InlineData(MsiKind.Msi)]
    public void After_a_reset_the_device_gets_back_what_it_held_and_nothing_else_happens(MsiKind kind)
    {
        TestBoard board = TestBoard.WithIts();
        TestMsiDevice device = board.NewDevice(board.NewDomain());
        device.Limits[MsiKind.Msi] = 4;
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(kind, 3).IsOk);
        Assert.True(vectors.Request(0, handler).IsOk);
        Assert.True(vectors.Request(2, handler).IsOk);
        device.Reset();
        board.Trace.Clear();
        vectors.Restore();
        Assert.Empty(board.Trace);
        Assert.True(device.IsMasked(kind, 1));
        Assert.False(device.IsMasked(kind, 0) || device.IsMasked(kind, 2));
        Assert.True(device.Send(0) && device.Send(2));
        Assert.Equal((1, 1), (handler[0], handler[2]));
        vectors.Dispose();
        device.Log.Clear();
        vectors.Restore();
        Assert.Empty(device.Log);
    }
}
