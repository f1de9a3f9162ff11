using Doorbell.Iommu;
using Doorbell.Vfio;
using IommuUnit = Doorbell.Iommu.Iommu;

namespace Doorbell.Tests.Vfio;

/// <summary>Containers whose groups are behind different IOMMUs, and groups whose devices differ.</summary>
public class TwoIommuTests
{
    private const ulong Window = 0x0c00_0000;
    private const VfioMapFlags ReadWrite = VfioMapFlags.Read | VfioMapFlags.Write;

    private readonly Board _board = new("virt-gicv3", false, "0000:01:00.0", "0000:02:00.0");

    [Fact]
    public void V1_a_domain_that_comes_later_gets_the_window_and_nothing_mapped_in_it()
    {
        (VfioHost host, IommuUnit other) = HostOf(IommuModel.SmmuV2, VfioUapi.ReservedIovaV6);
        VfioContainer container = Open(host, 1);
        Board.Ok(container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x1000, _board.Client));
        Board.Ok(container.MapDma(ReadWrite, Board.Memory, new Iova(0x4000_0000), 0x1000, _board.Client));

        VfioGroup second = Board.Ok(host.OpenGroup(2));
        Board.Ok(second.SetContainer(container));

        IommuDomain domain = DomainOf(other);
        Assert.Equal((new Iova(Window), 0x1000UL), (domain.ReservedIovas!.Base, domain.ReservedIovas.Size));
        Assert.Equal(0x1000UL, domain.MappedBytes);
        Assert.False(domain.TryTranslate(new Iova(Window), IommuProtection.Read, out _));
        Assert.True(domain.TryTranslate(new Iova(0x4000_0000), IommuProtection.Read, out _));
        second.Release();
        host.Groups[1].Release();
        container.Release();
        Assert.True(host.IsIdle && domain.IsEmpty);
    }

    [Fact]
    public void V1_a_window_that_no_domain_needs_is_EINVAL()
    {
        // The only IOMMU is one past which MSIs go.
        (VfioHost host, _) = HostOf(IommuModel.VtD, VfioUapi.ReservedIovaV6);
        VfioContainer container = Open(host, 2);
        Assert.Null(Board.Ok(container.GetInfo()).MsiRequirement);
        Assert.Equal(Errno.EINVAL, container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x1000, _board.Client).Errno);
    }

    [Fact]
    public void V1_a_window_goes_to_the_domains_that_need_it_and_to_no_other()
    {
        (VfioHost host, IommuUnit other) = HostOf(IommuModel.VtD, VfioUapi.ReservedIovaV6);
        VfioContainer container = Open(host, 1);
        Board.Ok(Board.Ok(host.OpenGroup(2)).SetContainer(container));
        Board.Ok(container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x1000, _board.Client));
        Assert.NotNull(_board.Domain.ReservedIovas);
        Assert.Null(DomainOf(other).ReservedIovas);
    }

    [Fact]
    public void V3_the_second_group_is_judged_as_the_first_one_is()
    {
        (VfioHost host, IommuUnit other) = HostOf(IommuModel.SmmuV2, VfioUapi.Mainline, isolated: false);
        VfioContainer container = Open(host, 1);
        VfioGroup second = Board.Ok(host.OpenGroup(2));
        Assert.Equal(Errno.EPERM, second.SetContainer(container).Errno);
        Assert.False(other.GetStream(_board.Physical("0000:02:00.0").StreamId).IsAttached);
    }

    [Fact]
    public void V3_every_device_of_a_group_is_judged()
    {
        PassthroughDevice safe = _board.Physical("0000:01:00.0");
        PassthroughDevice unsafeOne = Copy(_board.Physical("0000:02:00.0"), isolated: false);
        VfioHost host = new([new PassthroughGroup(7, [safe, unsafeOne])], _board.Machine.Bus, _board.Machine.Events, new VfioOptions());
        VfioContainer container = host.OpenContainer();
        Board.Ok(Board.Ok(host.OpenGroup(7)).SetContainer(container));
        Assert.Equal(Errno.EPERM, container.SetIommu(VfioIommuType.Type1v2).Errno);
    }

    [Fact]
    public void I9_N5_the_reserved_regions_of_every_device_of_a_group_are_cut_out()
    {
        ReservedRegion second = new(new Iova(0x5000_0000), 0x1_0000, ReservedRegionType.Direct);
        VfioHost host = new(
            [new PassthroughGroup(7, [_board.Physical("0000:01:00.0"), Copy(_board.Physical("0000:02:00.0"), reserved: second)])],
            _board.Machine.Bus,
            _board.Machine.Events,
            new VfioOptions());
        VfioContainer container = Open(host, 7);
        Assert.Equal(
            [0x7ff_ffffUL, 0x4fff_ffffUL, 0xffff_ffff_ffffUL],
            Board.Ok(container.GetInfo()).UsableRanges.Select(range => range.Last.Value));
        Assert.Equal(Errno.EINVAL, container.MapDma(ReadWrite, Board.Memory, new Iova(0x5000_0000), 0x1000, _board.Client).Errno);
    }

    private VfioContainer Open(VfioHost host, int group)
    {
        VfioContainer container = host.OpenContainer();
        Board.Ok(Board.Ok(host.OpenGroup(group)).SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        return container;
    }

    // Group 1 behind the board's SMMUv3, group 2 behind another unit.
    private (VfioHost Host, IommuUnit Other) HostOf(IommuModel model, VfioUapi uapi, bool isolated = true)
    {
        IommuUnit other = new("other@9060000", model, _board.Machine.Events);
        return (new VfioHost(
            [
                new PassthroughGroup(1, [_board.Physical("0000:01:00.0")]),
                new PassthroughGroup(2, [Copy(_board.Physical("0000:02:00.0"), other, isolated)]),
            ],
            _board.Machine.Bus,
            _board.Machine.Events,
            new VfioOptions { Uapi = uapi }), other);
    }

    private static PassthroughDevice Copy(PassthroughDevice device, IommuUnit? iommu = null, bool isolated = true, ReservedRegion? reserved = null) => new()
    {
        Function = device.Function,
        Iommu = iommu ?? device.Iommu,
        StreamId = device.StreamId,
        DeviceId = device.DeviceId,
        MsiDomain = isolated ? device.MsiDomain : null,
        MsiDevice = device.MsiDevice,
        ReservedRegions = reserved is { } region ? [.. device.ReservedRegions, region] : iommu?.GetReservedRegions() ?? device.ReservedRegions,
        IsBridge = false,
        Driver = PassthroughDevice.VfioDriver,
    };

    private IommuDomain DomainOf(IommuUnit unit) => unit.GetStream(_board.Physical("0000:02:00.0").StreamId).Domain;
}
