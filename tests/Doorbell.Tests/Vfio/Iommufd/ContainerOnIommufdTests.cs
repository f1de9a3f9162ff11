using Doorbell.Iommu;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;
using static Doorbell.Tests.Vfio.Iommufd.IommufdBoard;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>V6: clients of containers on an iommufd (captures, compat.*).</summary>
public class ContainerOnIommufdTests
{
    private const VfioMapFlags Both = VfioMapFlags.Read | VfioMapFlags.Write;

    private readonly IommufdBoard _board = new();

    [Fact]
    public void V6_a_group_put_into_an_iommufd_works_as_in_a_container()
    {
        IommufdContainer container = _board.Context.Container;
        Assert.Equal(Errno.ENODEV, container.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.Equal(Errno.ENODEV, container.GetInfo().Errno);
        VfioGroup group = Enter();
        Assert.Equal(VfioGroupFlags.Viable | VfioGroupFlags.ContainerSet, group.GetStatus());
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        Assert.Equal(0xffff_ffff_ffff_f000, Board.Ok(container.GetInfo()).PageSizes);
        Assert.Single(Board.Ok(container.GetInfo()).UsableRanges);

        VfioDevice device = Board.Ok(group.OpenDevice(First));
        Type1Info info = Board.Ok(container.GetInfo());
        Assert.Equal((0x4020_1000UL, 2, uint.MaxValue), (info.PageSizes, info.UsableRanges.Count, info.MappingsAvailable));
        Assert.Same(device, Board.Ok(group.OpenDevice(First)));
        Board.Ok(Map(0));
        Assert.Equal(Errno.EEXIST, Map(0).Errno);
        Assert.Equal(Errno.EINVAL, Map(0x800_0000).Errno);
        Assert.Equal(Errno.ENOENT, container.UnmapDma(VfioUnmapFlags.None, default, 0x800).Errno);
        Assert.Equal(0x1000UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, default, 0x1000)));
        Assert.Equal(0UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, default, 0x1000)));
        Assert.Equal(0UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal(Errno.EINVAL, container.UnmapDma(VfioUnmapFlags.All, new Iova(0x1000), 0).Errno);
        Assert.Equal(1u, Board.Ok(_board.Context.GetVfioIoas()));
    }

    [Fact]
    public void V7_the_last_close_returns_the_group_and_the_context_whatever_goes_first()
    {
        VfioGroup group = Enter();
        VfioDevice device = Board.Ok(group.OpenDevice(First));
        Board.Ok(Map(0x1000));
        IommuDomain domain = _board.DomainOf();
        _board.Context.Release();
        group.Release();
        Assert.False(_board.Host.IsIdle);
        Assert.Equal(0x1000UL, domain.MappedBytes);
        device.Release();
        Assert.True(_board.Host.IsIdle);
        Assert.True(domain is { IsFreed: true, IsEmpty: true });
        Assert.Equal(0UL, _board.Board.Client.Pinned);
        Board.Ok(Board.Ok(_board.Host.OpenCdev(First)).BindIommufd(_board.Host.OpenIommufd()));
    }

    [Fact]
    public void V3_V4_are_asked_when_the_device_is_opened()
    {
        IommufdBoard unsafeBoard = new("virt-gicv2m");
        VfioGroup group = Board.Ok(unsafeBoard.Host.OpenGroup(unsafeBoard.Board.GroupOf().Id));
        Board.Ok(group.SetContainer(unsafeBoard.Context));
        Assert.Equal(Errno.EPERM, group.OpenDevice(First).Errno);
        Assert.Equal("V3", Assert.Single(unsafeBoard.Board.Refusals).Rule);
        Assert.Equal(1, unsafeBoard.Context.ObjectCount);

        IommufdBoard shared = new("virt-gicv3", false, "0000:00:09.0", "0000:00:09.1");
        shared.Board.Physical("0000:00:09.1").Driver = "e1000";
        VfioGroup viable = Board.Ok(shared.Host.OpenGroup(shared.Board.GroupOf("0000:00:09.0").Id));
        Board.Ok(viable.SetContainer(shared.Context));
        Assert.Equal(Errno.EPERM, viable.OpenDevice("0000:00:09.0").Errno);
        Assert.Equal("V4", Assert.Single(shared.Board.Refusals).Rule);
    }

    [Fact]
    public void A_device_that_cannot_be_attached_is_not_opened_and_the_group_stays_free()
    {
        uint ioas = _board.NewIoas();
        _board.Map(ioas, 0x800_0000, 0x1000);
        Board.Ok(_board.Context.SetVfioIoas(ioas));
        VfioGroup group = Enter();
        Assert.Equal(Errno.EADDRINUSE, group.OpenDevice(First).Errno);
        Assert.Equal(1, _board.Context.ObjectCount);
        Assert.Same(_board.Board.Physical().Iommu!.UnattachedDomain, _board.DomainOf());
        Board.Ok(_board.Context.Unmap(ioas, default, ulong.MaxValue));
        Board.Ok(group.OpenDevice(First));
    }

    [Fact]
    public void Type1_of_the_first_version_unmaps_parts_because_its_tables_have_no_huge_pages()
    {
        VfioGroup group = Enter();
        Board.Ok(_board.Context.Container.SetIommu(VfioIommuType.Type1));
        Board.Ok(group.OpenDevice(First));
        Board.Ok(_board.Context.Container.MapDma(Both, Board.Memory, new Iova(0x20_0000), 0x20_0000, _board.Board.Client));
        Assert.Equal(0x2000UL, Board.Ok(_board.Context.Container.UnmapDma(VfioUnmapFlags.None, new Iova(0x20_1000), 0x2000)));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x20_0fff), IommuProtection.Write, out _));
        Assert.False(_board.DomainOf().TryTranslate(new Iova(0x20_1000), IommuProtection.Write, out _));
        Assert.False(_board.DomainOf().TryTranslate(new Iova(0x20_2fff), IommuProtection.Write, out _));
        Assert.True(_board.DomainOf().TryTranslate(new Iova(0x20_3000), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(Board.Memory + 0x3000, pa.Value & 0xffff_ffff_ffff);
        Assert.Equal(0x1f_e000UL, _board.Board.Client.Pinned);
        Assert.Equal(Errno.EINVAL, _board.Context.Container.UnmapDma(VfioUnmapFlags.None, new Iova(0x20_3800), 0x1000).Errno);
        Assert.Equal(0x1f_e000UL, Board.Ok(_board.Context.Container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal(0UL, _board.Board.Client.Pinned);
    }

    private VfioGroup Enter()
    {
        VfioGroup group = Board.Ok(_board.Host.OpenGroup(_board.Board.GroupOf().Id));
        Board.Ok(group.SetContainer(_board.Context));
        Assert.Equal(Errno.EINVAL, group.SetContainer(_board.Context).Errno);
        return group;
    }

    private Result Map(ulong iova) => _board.Context.Container.MapDma(Both, Board.Memory, new Iova(iova), 0x1000, _board.Board.Client);
}
