using Doorbell.Gic;
using Doorbell.Interrupts;
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
    public void M8_The_mapping_point_and_early_activation_come_together_as_they_did_in_mainline()
    {
        Assert.True(TestBoard.WithIts(MappingPoint.Alloc).Msi.Info.Flags.HasFlag(MsiDomainFlags.ActivateEarly));
        Assert.False(TestBoard.WithIts(MappingPoint.Activate).Msi.Info.Flags.HasFlag(MsiDomainFlags.ActivateEarly));
    }
}
