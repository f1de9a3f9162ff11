using Doorbell.Iommu;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>VFIO_TYPE1_IOMMU, the first version: an unmap may cut a mapping, and then takes it whole or not at all.</summary>
public class Type1V1Tests
{
    private const ulong Mapped = 0x1000_0000;
    private const ulong Size = 0x4000;

    // vfio_dma_do_unmap of Linux: in order of IOVA; a mapping that begins before the range ends it, every other is taken whole
    // (captures, type1v1: unmap.bisect_*; the records after bisect_head find the mapping gone).
    [Theory]
    [InlineData(Mapped, 0x1000, Size)]
    [InlineData(Mapped - 0x1000, 0x2000, Size)]
    [InlineData(Mapped - 0x1000, 0x8000, Size)]
    [InlineData(Mapped, Size, Size)]
    [InlineData(Mapped + 0x1000, 0x1000, 0)]
    [InlineData(Mapped + 0x3000, 0x1000, 0)]
    [InlineData(Mapped + 0x3000, 0x2000, 0)]
    [InlineData(Mapped - 0x1000, 0x1000, 0)]
    [InlineData(0, 0x8000_0000_0000_0000, Size)]
    public void An_unmap_takes_a_mapping_whole_that_begins_in_its_range_and_none_that_begins_before(ulong iova, ulong size, ulong expected)
    {
        (Rig rig, VfioContainer container, PassthroughDevice device) = Contained();
        Board.Ok(rig.Map(container, Mapped, Size));
        Assert.Equal(expected, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size)));
        Assert.Equal(Size - expected, rig.Client.Pinned);
        Assert.Equal(expected == 0, Rig.DomainOf(device).TryTranslate(new Iova(Mapped + Size - 1), IommuProtection.Read, out _));
    }

    [Fact]
    public void A_range_that_begins_inside_a_mapping_takes_nothing_of_those_that_follow()
    {
        (Rig rig, VfioContainer container, _) = Contained();
        Board.Ok(rig.Map(container, Mapped, Size));
        Board.Ok(rig.Map(container, Mapped + Size, Size));
        Assert.Equal(0UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(Mapped + 0x1000), 2 * Size)));
        Assert.Equal(2 * Size, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(Mapped), Size + 0x1000)));
    }

    [Theory]
    [InlineData(Mapped, 0, Errno.EINVAL)]
    [InlineData(Mapped + 0x200, Size, Errno.EINVAL)]
    [InlineData(Mapped, Size + 0x200, Errno.EINVAL)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, Errno.EOVERFLOW)]
    public void What_is_wrong_in_itself_is_refused_as_in_v2(ulong iova, ulong size, Errno expected)
    {
        (Rig rig, VfioContainer container, _) = Contained();
        Board.Ok(rig.Map(container, Mapped, Size));
        Assert.Equal(expected, container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size).Errno);
        Assert.Equal(Size, rig.Client.Pinned);
    }

    [Fact]
    public void N1_an_unmap_that_touches_the_series_window_in_part_leaves_it()
    {
        Rig rig = new(new VfioOptions { Uapi = VfioUapi.ReservedIovaV6 });
        PassthroughDevice device = rig.Device(1, rig.Iommu("smmu", IommuModel.SmmuV3), rig.Its);
        PassthroughGroup group = rig.Group(device);
        (VfioContainer container, _) = rig.Contain(group, VfioIommuType.Type1);
        Board.Ok(rig.Register(container, Mapped, Size));
        foreach ((ulong iova, ulong size) in new[] { (Mapped, 0x1000UL), (Mapped - 0x1000, 0x2000UL), (Mapped + 0x3000, 0x2000UL), (Mapped - 0x1000, 0x8000UL) })
        {
            Assert.Equal(0UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(iova), size)));
        }

        Assert.NotNull(Rig.DomainOf(device).ReservedIovas);
        Assert.Equal(Size, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(Mapped), Size)));
        Assert.Null(Rig.DomainOf(device).ReservedIovas);
    }

    private static (Rig Rig, VfioContainer Container, PassthroughDevice Device) Contained()
    {
        Rig rig = new();
        PassthroughDevice device = rig.Device(1, rig.Iommu("smmu", IommuModel.SmmuV3), rig.Its);
        PassthroughGroup group = rig.Group(device);
        (VfioContainer container, _) = rig.Contain(group, VfioIommuType.Type1);
        return (rig, container, device);
    }
}
