using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

public class ContainerTests
{
    private const VfioMapFlags ReadWrite = VfioMapFlags.Read | VfioMapFlags.Write;

    [Fact]
    public void V3_a_group_behind_an_ITS_is_handed_over()
    {
        Board board = new Board().Assign();
        Assert.Empty(board.Refusals);
        Assert.Equal(VfioGroupFlags.Viable | VfioGroupFlags.ContainerSet, board.Group.GetStatus());
    }

    [Theory]
    [InlineData("virt-gicv2m")]
    [InlineData("amd-overdrive")]
    public void V3_a_group_behind_a_GICv2m_is_refused_with_EPERM_and_a_sentence(string machine)
    {
        Board board = new(machine);
        VfioContainer container = board.Host.OpenContainer();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf().Id));
        Board.Ok(group.SetContainer(container));

        Result refused = container.SetIommu(VfioIommuType.Type1v2);

        Assert.Equal(Errno.EPERM, refused.Errno);
        Refusal refusal = Assert.Single(board.Refusals);
        Assert.Equal("V3", refusal.Rule);
        Assert.Contains(group.Name, refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("0000:01:00.0", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("v2m", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("--allow-unsafe-interrupts", refusal.Remedy, StringComparison.Ordinal);
        Assert.False(container.HasIommu);
    }

    [Fact]
    public void V3_allow_unsafe_interrupts_overrides_and_is_remembered()
    {
        Board board = new Board("virt-gicv2m", allowUnsafe: true).Assign();
        UnsafeInterruptsAllowed said = Assert.Single(board.Events.OfType<UnsafeInterruptsAllowed>());
        Assert.Equal("0000:01:00.0", said.Device);
    }

    [Fact]
    public void I9_the_window_is_cut_out_of_the_usable_ranges()
    {
        Type1Info info = Board.Ok(new Board().Assign().Container.GetInfo());
        Assert.Equal(0x4020_1000UL, info.PageSizes);
        Assert.Equal(
            [new IovaRange(new Iova(0), new Iova(0x7ff_ffff)), new IovaRange(new Iova(0x810_0000), new Iova(0xffff_ffff_ffff))],
            info.UsableRanges);
        Assert.Equal(65535u, info.MappingsAvailable);
    }

    [Theory]
    [InlineData(0x800_0000, 0x1000)]
    [InlineData(0x80f_f000, 0x1000)]
    [InlineData(0x7ff_f000, 0x2000)]
    [InlineData(0x7ff_0000, 0x12_0000)]
    [InlineData(0x1_0000_0000_0000, 0x1000)]
    public void N5_mapping_into_the_window_or_beyond_the_aperture_is_EINVAL(ulong iova, ulong size)
    {
        Board board = new Board().Assign();
        Assert.Equal(Errno.EINVAL, board.Container.MapDma(ReadWrite, Board.Memory, new Iova(iova), size, board.Client).Errno);
        Assert.Equal(0UL, board.Client.Pinned);
        Assert.Contains(board.Refusals, refusal => refusal.Operation == "VFIO_IOMMU_MAP_DMA");
    }

    [Theory]
    [InlineData(0x7ff_f000)]
    [InlineData(0x810_0000)]
    public void Mapping_right_beside_the_window_works(ulong iova) => new Board().Assign().Map(iova, 0x1000);

    // The errno column of the captures' README, "MAP_DMA".
    [Theory]
    [InlineData(0, 0x1000, ReadWrite, Errno.EEXIST)]
    [InlineData(0x2000_0200, 0x1000, ReadWrite, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0x1200, ReadWrite, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0, ReadWrite, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0x1000, VfioMapFlags.None, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0x1000, (VfioMapFlags)0x80, Errno.EINVAL)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, ReadWrite, Errno.EOVERFLOW)]
    [InlineData(0xffff_ffff_ffff_f000, 0x1000, ReadWrite, Errno.EINVAL)]
    [InlineData(0x2000_0000, 0x1000_0000, ReadWrite, Errno.EFAULT)]
    public void Map_refuses_as_the_kernel_does(ulong iova, ulong size, VfioMapFlags flags, Errno expected)
    {
        Board board = new Board().Assign().Map(0, 0x1000);
        Assert.Equal(expected, board.Container.MapDma(flags, Board.Memory, new Iova(iova), size, board.Client).Errno);
        Assert.Equal(0x1000UL, board.Client.Pinned);
        Assert.Equal(1, board.Container.MappingCount);
    }

    [Theory]
    [InlineData(0x1000_0000, 0x1000, Errno.EINVAL)]
    [InlineData(0x1000_1000, 0x1000, Errno.EINVAL)]
    [InlineData(0x1000_3000, 0x2000, Errno.EINVAL)]
    [InlineData(0x0fff_f000, 0x2000, Errno.EINVAL)]
    [InlineData(0x1000_0200, 0x4000, Errno.EINVAL)]
    [InlineData(0x1000_0000, 0, Errno.EINVAL)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, Errno.EOVERFLOW)]
    public void Unmap_v2_refuses_as_the_kernel_does_and_leaves_everything(ulong iova, ulong size, Errno expected)
    {
        Board board = new Board().Assign().Map(0x1000_0000, 0x4000);
        Assert.Equal(expected, board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size).Errno);
        Assert.Equal(1, board.Container.MappingCount);
        Assert.True(board.Domain.TryTranslate(new Iova(0x1000_3fff), IommuProtection.Write, out _));
    }

    [Theory]
    [InlineData(0x5000_0000, 0x1000, 0)]
    [InlineData(0x800_0000, 0x10_0000, 0)]
    [InlineData(0x1000_0000_0000_0000, 0x1000, 0)]
    [InlineData(0x0fff_f000, 0x8000, 0x4000)]
    [InlineData(0, 0x8000_0000_0000_0000, 0x4000)]
    public void Unmap_says_how_much_was_there(ulong iova, ulong size, ulong expected)
    {
        Board board = new Board().Assign().Map(0x1000_0000, 0x4000);
        Assert.Equal(expected, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size)));
        Assert.Equal(0x4000 - expected, board.Client.Pinned);
        Assert.Equal(expected == 0, board.Domain.TryTranslate(new Iova(0x1000_0000), IommuProtection.Read, out _));
    }

    [Fact]
    public void Unmap_all_takes_every_mapping_and_nothing_else()
    {
        Board board = new Board().Assign().Map(0, 0x1000).Map(0x4000_0000, 0x20_0000);
        Assert.Equal(0x20_1000UL, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal(0UL, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.All, new Iova(0x1000), 0).Errno);
        Assert.Equal(0UL, board.Client.Pinned);
    }

    [Fact]
    public void The_order_of_calls_is_enforced_as_the_kernel_does()
    {
        Board board = new();
        VfioContainer container = board.Host.OpenContainer();
        Assert.Equal(Errno.EINVAL, container.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.Equal(Errno.EINVAL, container.GetInfo().Errno);
        Assert.Equal(Errno.EINVAL, container.MapDma(ReadWrite, Board.Memory, default, 0x1000, board.Client).Errno);

        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf().Id));
        Assert.Equal(Errno.EBUSY, board.Host.OpenGroup(board.GroupOf().Id).Errno);
        Assert.Equal(Errno.ENOENT, board.Host.OpenGroup(9999).Errno);
        Assert.Equal(Errno.EINVAL, group.OpenDevice("0000:01:00.0").Errno);
        Assert.Equal(Errno.EINVAL, group.UnsetContainer().Errno);
        Board.Ok(group.SetContainer(container));
        Assert.Equal(Errno.EINVAL, group.SetContainer(container).Errno);
        Assert.Equal(Errno.EINVAL, group.OpenDevice("0000:01:00.0").Errno);

        Assert.Equal(Errno.ENODEV, container.SetIommu(6).Errno);
        Assert.Equal(Errno.EINVAL, container.SetIommu(VfioIommuType.UnmapAll).Errno);
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        Assert.Equal(Errno.EINVAL, container.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.Equal(Errno.ENODEV, group.OpenDevice("0000:ff:1f.7").Errno);
        VfioDevice device = Board.Ok(group.OpenDevice("0000:01:00.0"));
        Assert.Equal(Errno.EBUSY, group.UnsetContainer().Errno);
        device.Release();
        Board.Ok(group.UnsetContainer());
    }

    [Fact]
    public void V4_a_group_with_a_device_on_a_host_driver_is_not_viable_until_it_is_freed()
    {
        // 00:0a.0 has no ACS: what is below it is in its group, and so are functions of one device.
        Board board = new("virt-gicv3", false, "0000:00:09.0", "0000:00:09.1");
        PassthroughGroup shared = board.GroupOf("0000:00:09.0");
        Assert.Equal(2, shared.Devices.Count);
        board.Physical("0000:00:09.1").Driver = "e1000";

        VfioGroup group = Board.Ok(board.Host.OpenGroup(shared.Id));
        Assert.Equal(VfioGroupFlags.None, group.GetStatus());
        Result refused = group.SetContainer(board.Host.OpenContainer());
        Assert.Equal(Errno.EPERM, refused.Errno);
        Assert.Equal("V4", Assert.Single(board.Refusals).Rule);
        Assert.Contains("0000:00:09.1 is bound to e1000", refused.Reason, StringComparison.Ordinal);

        board.Physical("0000:00:09.1").Driver = null;
        Assert.Equal(VfioGroupFlags.Viable, group.GetStatus());
        Board.Ok(group.SetContainer(board.Host.OpenContainer()));
    }

    [Fact]
    public void Two_containers_have_a_domain_each()
    {
        Board board = new Board("virt-gicv3", false, "0000:01:00.0", "0000:02:00.0").Assign().Map(0x1000, 0x1000);
        VfioContainer other = board.Host.OpenContainer();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:02:00.0").Id));
        Board.Ok(group.SetContainer(other));
        Board.Ok(other.SetIommu(VfioIommuType.Type1v2));

        PassthroughDevice second = board.Physical("0000:02:00.0");
        Assert.NotSame(board.Domain, second.Iommu!.GetStream(second.StreamId).Domain);
        Assert.False(second.Iommu.GetStream(second.StreamId).Domain.TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
    }

    [Fact]
    public void A_group_that_joins_later_shares_the_mappings()
    {
        Board board = new Board("virt-gicv3", false, "0000:01:00.0", "0000:02:00.0").Assign().Map(0x1000, 0x1000);
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:02:00.0").Id));
        Board.Ok(group.SetContainer(board.Container));
        PassthroughDevice second = board.Physical("0000:02:00.0");
        Assert.Same(board.Domain, second.Iommu!.GetStream(second.StreamId).Domain);

        // One leaves: the other's mappings stay. Both gone: nothing is left.
        board.Device.Release();
        board.Group.Release();
        Assert.True(second.Iommu.GetStream(second.StreamId).Domain.TryTranslate(new Iova(0x1000), IommuProtection.Read, out _));
        group.Release();
        Assert.Equal(0UL, board.Client.Pinned);
        board.Container.Release();
        Assert.True(board.Host.IsIdle);
    }
}
