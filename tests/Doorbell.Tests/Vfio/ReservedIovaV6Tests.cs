using Doorbell.Devices;
using Doorbell.Fabric;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>The series' uAPI, v6 (V1, V2, V6): the user registers the window.</summary>
public class ReservedIovaV6Tests
{
    private const ulong Window = 0x0c00_0000;
    private const ulong WindowSize = 0x1000;

    private const VfioMapFlags ReadWrite = VfioMapFlags.Read | VfioMapFlags.Write;

    [Theory]
    [InlineData("virt-gicv3", 0x809_0040UL, MappingPoint.Activate)]
    [InlineData("virt-gicv3", 0x809_0040UL, MappingPoint.Alloc)]
    [InlineData("amd-overdrive", 0xe118_0040UL, MappingPoint.Activate)]
    public void V1_doorbells_are_bound_in_the_window_the_user_registered(string machine, ulong doorbell, MappingPoint mappingPoint)
    {
        Board board = V6(machine, mappingPoint).Assign();
        Board.Ok(Register(board));
        board.EnableBusMaster();
        CountingTrigger[] triggers = board.ArmMsiX(3);

        MsiXEntry entry = board.Physical().Function.MsiX!.ReadEntry(0);
        Assert.Equal(Window + 0x40, entry.Address);
        Assert.True(board.Domain.TryTranslate(new Iova(entry.Address), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(doorbell, pa.Value);
        board.Write(PciTestDevice.Register.Raise, 2);
        Assert.Equal([0, 0, 1], triggers.Select(static trigger => trigger.Signals));
        Assert.Equal(0UL, board.Client.Pinned);
        Assert.Equal(0, board.Container.MappingCount);
    }

    [Theory]
    [InlineData(MappingPoint.Activate, Errno.EINVAL)]
    [InlineData(MappingPoint.Alloc, Errno.ENOSPC)]
    public void I5_without_a_window_no_vector_is_armed_and_a_sentence_says_why(MappingPoint mappingPoint, Errno expected)
    {
        // At allocation every failure is the kernel's ENOSPC; at activation the answer of the mapping comes up as it is.
        Board board = V6("virt-gicv3", mappingPoint).Assign();
        CountingTrigger trigger = new();
        Result<int> armed = board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 1, default, [trigger]);
        Assert.Equal(expected, armed.Errno);
        Assert.Contains("no window for doorbells (I5)", armed.Reason, StringComparison.Ordinal);
        Assert.Equal((0, 1), (board.Device.ArmedVectors, trigger.Releases));
        Assert.True(board.Domain.IsEmpty);
        Assert.Equal(default, board.Physical().Function.MsiX!.ReadEntry(0).Address);
    }

    [Fact]
    public void V6_there_is_no_default_window_and_its_place_is_the_users()
    {
        Board board = V6().Assign();
        Assert.Null(board.Domain.ReservedIovas);
        Assert.Equal([new IovaRange(default, new Iova(0xffff_ffff_ffff))], Board.Ok(board.Container.GetInfo()).UsableRanges);
        board.Map(0x800_0000, 0x1000);
    }

    [Fact]
    public void V6_in_mainline_the_flag_means_another_thing_and_the_window_is_the_hosts()
    {
        // There the bit is VADDR: it asks for a mapping to update.
        Board board = new Board().Assign();
        Assert.Equal(Errno.ENOENT, Register(board).Errno);
        Assert.Null(Board.Ok(board.Container.GetInfo()).MsiRequirement);
    }

    [Fact]
    public void I7_the_last_disarm_unmaps_the_doorbell_and_the_window_stays()
    {
        Board board = V6().Assign();
        Board.Ok(Register(board));
        for (int round = 0; round < 2; round++)
        {
            board.ArmMsiX(2);
            Assert.Equal((1, 2L), (board.Domain.ReservedIovas!.BindingCount, board.Domain.ReservedIovas.ReferenceCount));
            Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 0, default, default));
            Assert.True(board.Domain.IsEmpty);
        }

        Assert.Equal(2, board.Events.OfType<DoorbellBindEvent>().Count());
        Assert.Equal(2, board.Events.OfType<DoorbellUnbindEvent>().Count());
    }

    [Theory]
    [InlineData(0x0c00_0000, 0x1000)]
    [InlineData(0x0bff_f000, 0x2000)]
    [InlineData(0x0c00_1000, 0x1000)]
    [InlineData(0x0be0_0000, 0x40_0000)]
    public void N5_a_mapping_that_touches_the_window_is_EEXIST(ulong iova, ulong size)
    {
        Board board = V6().Assign();
        Board.Ok(board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x2000, board.Client));
        Result mapped = board.Container.MapDma(ReadWrite, Board.Memory, new Iova(iova), size, board.Client);
        Assert.Equal(Errno.EEXIST, mapped.Errno);
        Assert.Contains("registered as the window for MSI doorbells", mapped.Reason, StringComparison.Ordinal);
        Assert.Equal(0UL, board.Client.Pinned);
    }

    [Theory]
    [InlineData(0x0c00_0000, 0x1000, Errno.EEXIST)]
    [InlineData(0x0bff_f000, 0x3000, Errno.EEXIST)]
    [InlineData(0x0c00_4000, 0x1000, Errno.None)]
    public void N5_a_window_that_touches_a_mapping_is_EEXIST_and_nothing_is_registered(ulong iova, ulong size, Errno expected)
    {
        Board board = V6().Assign().Map(0x0c00_0000, 0x4000);
        Assert.Equal(expected, board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(iova), size, board.Client).Errno);
        Assert.Equal(expected == Errno.None, board.Domain.ReservedIovas is not null);
    }

    [Theory]
    [InlineData(0x0c00_0000, 0, VfioMapFlags.MsiReservedIova)]
    [InlineData(0x0c00_0800, 0x1000, VfioMapFlags.MsiReservedIova)]
    [InlineData(0x0c00_0000, 0x1800, VfioMapFlags.MsiReservedIova)]
    [InlineData(0xffff_ffff_ffff_f000, 0x2000, VfioMapFlags.MsiReservedIova)]
    [InlineData(0x1_0000_0000_0000, 0x1000, VfioMapFlags.MsiReservedIova)]
    [InlineData(0x0c00_0000, 0x1000, VfioMapFlags.MsiReservedIova | (VfioMapFlags)8)]
    public void V1_a_window_that_is_empty_misaligned_or_out_of_reach_is_EINVAL(ulong iova, ulong size, VfioMapFlags flags)
    {
        Board board = V6().Assign();
        Assert.Equal(Errno.EINVAL, board.Container.MapDma(flags, 0, new Iova(iova), size, board.Client).Errno);
        Assert.Null(board.Domain.ReservedIovas);
        Assert.Contains(board.Refusals, refusal => refusal.Operation == "VFIO_IOMMU_MAP_DMA");
        Board.Ok(Register(board));
    }

    [Theory]
    [InlineData(Window)]
    [InlineData(0x2000_0000)]
    public void V1_a_second_window_is_EEXIST_wherever_it_is(ulong iova)
    {
        Board board = V6().Assign();
        Board.Ok(Register(board));
        Assert.Equal(Errno.EEXIST, board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(iova), 0x1000, board.Client).Errno);
        Assert.Equal(Window, board.Domain.ReservedIovas!.Base.Value);
    }

    [Fact]
    public void V1_the_flag_needs_no_vaddr_and_pins_nothing()
    {
        Board board = V6().Assign();
        Board.Ok(board.Container.MapDma(VfioMapFlags.MsiReservedIova | ReadWrite, ulong.MaxValue, new Iova(Window), WindowSize, board.Client));
        Assert.Equal((0UL, 0), (board.Client.Pinned, board.Container.MappingCount));
        Assert.Equal(65534u, Board.Ok(board.Container.GetInfo()).MappingsAvailable);
        Assert.Equal(0, board.Domain.EntryCount);
    }

    [Fact]
    public void N1_the_window_is_taken_back_by_unmapping_exactly_it_and_not_while_a_vector_is_armed()
    {
        Board board = V6().Assign();
        Board.Ok(Register(board));
        board.ArmMsiX(1);
        Result<ulong> refused = board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Window), WindowSize);
        Assert.Equal(Errno.EBUSY, refused.Errno);
        Assert.Contains("1 references to doorbells", refused.Reason, StringComparison.Ordinal);
        Assert.True(board.Domain.TryTranslate(new Iova(Window + 0x40), IommuProtection.Write, out _));

        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 0, default, default));
        Assert.Equal(WindowSize, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Window), WindowSize)));
        Assert.Null(board.Domain.ReservedIovas);
        board.Map(Window, 0x1000);
    }

    [Fact]
    public void N1_unmapping_more_than_the_window_takes_the_users_mappings_and_passes_over_it()
    {
        Board board = V6().Assign().Map(Window - 0x1000, 0x1000).Map(Window + WindowSize, 0x1000, offset: 0x1000);
        Board.Ok(Register(board));
        board.ArmMsiX(1);
        Assert.Equal(0x2000UL, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Window - 0x1000), 0x3000)));
        Assert.Equal(0UL, Board.Ok(board.Container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal(0UL, board.Client.Pinned);
        Assert.True(board.Domain.TryTranslate(new Iova(Window + 0x40), IommuProtection.Write, out _));
    }

    [Fact]
    public void V1_unmapping_a_part_of_the_window_is_EINVAL_as_for_any_slot()
    {
        Board board = V6().Assign();
        Board.Ok(board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x4000, board.Client));
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Window), 0x1000).Errno);
        Assert.Equal(Errno.EINVAL, board.Container.UnmapDma(VfioUnmapFlags.None, new Iova(Window + 0x3000), 0x2000).Errno);
        Assert.NotNull(board.Domain.ReservedIovas);
    }

    [Theory]
    [InlineData("virt-gicv3", 1u)]
    [InlineData("amd-overdrive", 1u)]
    public void V2_the_pages_asked_for_are_those_of_the_doorbells_however_many_devices_there_are(string machine, uint pages)
    {
        Board board = V6(machine, MappingPoint.Activate, "0000:01:00.0", "0000:02:00.0").Assign();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:02:00.0").Id));
        Board.Ok(group.SetContainer(board.Container));
        MsiRequirement requirement = Board.Ok(board.Container.GetInfo()).MsiRequirement!.Value;
        Assert.Equal((pages, 0x1000UL, pages * 0x1000UL), (requirement.Pages, requirement.PageSize, requirement.Size));

        // What was asked for is enough.
        Board.Ok(board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), requirement.Size, board.Client));
        board.ArmMsiX(8);
    }

    [Fact]
    public void V7_closing_with_vectors_armed_leaves_no_binding_window_or_mapping()
    {
        Board board = V6().Assign().Map(0x1000, 0x1000);
        Board.Ok(Register(board));
        board.ArmMsiX(4);
        IommuDomain domain = board.Domain;
        board.Close();
        Assert.True(domain.IsEmpty && domain.IsFreed);
        Assert.Null(domain.ReservedIovas);
        Assert.True(board.Host.IsIdle);

        // The window went with the container: the next one begins without.
        board.Assign();
        Assert.Null(board.Domain.ReservedIovas);
        Board.Ok(Register(board));
    }

    [Fact]
    public void N4_what_a_device_sends_to_the_window_beside_its_doorbell_is_a_fault()
    {
        Board board = V6().Assign();
        Board.Ok(board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), 0x2000, board.Client));
        board.EnableBusMaster();
        board.ArmMsiX(1);
        Assert.False(board.Physical().Function.Upstream!.WriteMsi(new Iova(Window + 0x1040), 0));
        Assert.Single(board.Events.OfType<IommuFaultEvent>());
        Assert.Empty(board.Events.OfType<BusAbort>());
    }

    private static Board V6(string machine = "virt-gicv3", MappingPoint mappingPoint = MappingPoint.Activate, params string[] slots) =>
        new(machine, new VfioOptions { Uapi = VfioUapi.ReservedIovaV6, AllowUnsafeInterrupts = true }, mappingPoint, slots);

    private static Result Register(Board board) => board.Container.MapDma(VfioMapFlags.MsiReservedIova, 0, new Iova(Window), WindowSize, board.Client);
}
