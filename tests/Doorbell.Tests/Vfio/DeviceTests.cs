using Doorbell.Devices;
using Doorbell.Fabric;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Machines;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

public class DeviceTests
{
    [Theory]
    [InlineData("virt-gicv3", 0x809_0000UL, 0x40)]
    [InlineData("virt-gicv2m", 0x802_0000UL, 0x40)]
    [InlineData("amd-overdrive", 0xe118_0000UL, 0x40)]
    public void M4_every_armed_vector_goes_through_the_window_to_its_own_trigger(string machine, ulong doorbell, int offset)
    {
        Board board = new Board(machine, allowUnsafe: true).Assign();
        board.EnableBusMaster();
        CountingTrigger[] triggers = board.ArmMsiX(8);

        // N1: the device holds an IOVA in the window that its domain maps to the doorbell, for writing.
        for (int vector = 0; vector < 8; vector++)
        {
            MsiXEntry entry = board.Physical().Function.MsiX!.ReadEntry(vector);
            Iova address = new(((ulong)entry.AddressHi << 32) | entry.AddressLo);
            Assert.InRange(address.Value, 0x800_0000UL, 0x80f_ffffUL);
            Assert.True(board.Domain.TryTranslate(address, IommuProtection.Write, out PhysicalAddress pa));
            Assert.Equal(doorbell + (ulong)offset, pa.Value);
        }

        for (uint vector = 0; vector < 8; vector++)
        {
            board.Write(PciTestDevice.Register.Raise, vector);
            Assert.Equal(Enumerable.Range(0, 8).Select(i => i <= vector ? 1 : 0), triggers.Select(static trigger => trigger.Signals));
        }

        // Translation on every MSI, and release at the end (V7, N2).
        Assert.Equal(8, board.Events.OfType<MsiWritten>().Count(written => written.Address.Value == doorbell + (ulong)offset));
        IommuDomain domain = board.Domain;
        board.Close();
        Assert.All(triggers, static trigger => Assert.Equal(1, trigger.Releases));
        Assert.True(domain.IsEmpty);
        Assert.True(board.Host.IsIdle);
    }

    [Fact]
    public void I9_two_containers_find_the_doorbell_at_the_same_iova_each_in_its_own_domain()
    {
        Board board = new Board("virt-gicv3", false, "0000:01:00.0", "0000:02:00.0").Assign();
        board.ArmMsiX(1);
        PassthroughDevice other = board.Physical("0000:02:00.0");
        VfioContainer container = board.Host.OpenContainer();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:02:00.0").Id));
        Board.Ok(group.SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        IommuDomain domain = other.Iommu!.GetStream(other.StreamId).Domain;
        Assert.NotSame(board.Domain, domain);
        Assert.False(domain.TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out _));

        VfioDevice device = Board.Ok(group.OpenDevice("0000:02:00.0"));
        Board.Ok(device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 1, default, [new CountingTrigger()]));
        foreach (IommuDomain each in (IommuDomain[])[board.Domain, domain])
        {
            Assert.True(each.TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out PhysicalAddress pa));
            Assert.Equal(0x809_0040UL, pa.Value);
            Assert.False(each.TryTranslate(new Iova(0x800_0040), IommuProtection.Read, out _));
        }
    }

    [Fact]
    public void V5_a_vector_disarmed_and_armed_again_reaches_its_new_trigger_only()
    {
        Board board = new Board().Assign();
        board.EnableBusMaster();
        CountingTrigger first = board.ArmMsiX(4)[1];
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 1, 1, default, [null]));
        Assert.Equal(1, first.Releases);
        Assert.Equal(3, board.Device.ArmedVectors);
        MsiXEntry cleared = board.Physical().Function.MsiX!.ReadEntry(1);
        Assert.Equal((0u, 0u, 0u), (cleared.AddressLo, cleared.AddressHi, cleared.Data));

        CountingTrigger second = board.ArmMsiX(1, start: 1)[0];
        board.Write(PciTestDevice.Register.Raise, 1);
        Assert.Equal((0, 1), (first.Signals, second.Signals));
    }

    [Fact]
    public void V5_vectors_can_be_added_behind_an_ITS_and_not_behind_a_GICv2m()
    {
        Board its = new Board().Assign();
        its.ArmMsiX(2);
        its.ArmMsiX(1, start: 5);

        Board v2m = new Board("virt-gicv2m", allowUnsafe: true).Assign();
        v2m.ArmMsiX(2);
        Assert.Equal(VfioIrqInfoFlags.Eventfd | VfioIrqInfoFlags.NoResize, Board.Ok(v2m.Device.GetIrqInfo(VfioIrqIndex.MsiX)).Flags);
        CountingTrigger trigger = new();
        Result<int> refused = v2m.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 5, 1, default, [trigger]);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Equal(1, trigger.Releases);
        Assert.Equal(2, v2m.Device.ArmedVectors);
    }

    [Fact]
    public void V5_Arming_no_vector_behind_a_start_makes_room_up_to_it_and_later_ones_have_their_place()
    {
        Board board = new Board().Assign();
        Assert.Equal(0, Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 3, 0, default, [])));
        Assert.Equal(0, board.Device.ArmedVectors);
        CountingTrigger trigger = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 2, 1, default, [trigger]));
        board.EnableBusMaster();
        Assert.True(board.Physical().Function.RaiseMsi(2));
        Assert.Equal(1, trigger.Signals);
    }

    // The errno column of the captures' README, "SET_IRQS".
    [Theory]
    [InlineData(VfioIrqIndex.MsiX, 0, 0, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 0, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, Errno.ERANGE)]
    [InlineData(VfioIrqIndex.MsiX, 8, 1, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, uint.MaxValue, 2, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataEventfd, Errno.ENOTTY)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger | VfioIrqSetFlags.ActionMask, Errno.ENOTTY)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.DataBool | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger | (VfioIrqSetFlags)0x40, Errno.EINVAL)]
    [InlineData(VfioIrqIndex.MsiX, 0, 1, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionMask, Errno.ENOTTY)]
    [InlineData(VfioIrqIndex.Msi, 0, 0, VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, Errno.ERANGE)]
    [InlineData(VfioIrqIndex.Intx, 0, 0, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    [InlineData(5, 0, 1, VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, Errno.EINVAL)]
    public void Set_irqs_refuses_as_the_kernel_does_and_keeps_no_trigger(uint index, uint start, uint count, VfioIrqSetFlags flags, Errno expected)
    {
        Board board = new Board().Assign();
        CountingTrigger[] triggers = [.. Enumerable.Range(0, (int)Math.Min(count, 4)).Select(_ => new CountingTrigger())];
        Assert.Equal(expected, board.Device.SetIrqs(flags, index, start, count, default, triggers).Errno);
        Assert.All(triggers, static trigger => Assert.Equal(1, trigger.Releases));
        Assert.Equal(0, board.Device.ArmedVectors);
    }

    [Fact]
    public void Only_one_kind_of_interrupt_is_armed_at_a_time()
    {
        Board board = new Board().Assign();
        CountingTrigger intx = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 1, default, [intx]));
        Assert.Equal(Errno.EINVAL, board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 1, default, [new CountingTrigger()]).Errno);
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 0, default, default));
        Assert.Equal(1, intx.Releases);
        board.ArmMsiX(1);
    }

    [Fact]
    public void M10_where_there_are_fewer_vectors_than_asked_for_their_number_comes_back_and_nothing_is_armed()
    {
        Board board = new("virt-gicv2m", true, "0000:01:00.0", "0000:02:00.0", "0000:04:00.0", "0000:00:01.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:00:08.0", "0000:00:09.0");
        int spis = ((GicV2mDescription)board.Machine.Description.MsiControllers[0]).MsiFrames.Sum(static frame => (int)frame.SpiCount);
        VfioContainer container = board.Host.OpenContainer();
        List<CountingTrigger> all = [];
        int armed = 0, available = 0;
        foreach (PassthroughDevice physical in board.Machine.Devices.Where(static device => device.IsVfioBound))
        {
            VfioGroup group = Board.Ok(board.Host.OpenGroup(board.Machine.GroupOf(physical).Id));
            Board.Ok(group.SetContainer(container));
            if (!container.HasIommu)
            {
                Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
            }

            VfioDevice device = Board.Ok(group.OpenDevice(physical.Name));
            int count = armed == 0 ? 5 : 8;
            CountingTrigger[] triggers = [.. Enumerable.Range(0, count).Select(_ => new CountingTrigger())];
            Result<int> result = device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, (uint)count, default, triggers);
            if (armed + count <= spis)
            {
                Assert.Equal(0, Board.Ok(result));
                armed += count;
            }
            else
            {
                Assert.Equal(spis - armed, Board.Ok(result));
                Assert.Equal(0, device.ArmedVectors);
                Assert.All(triggers, static trigger => Assert.Equal(1, trigger.Releases));
                available++;
            }
        }

        Assert.True(available > 0, $"{spis} SPIs were enough for every device");
    }

    [Fact]
    public void INTx_stays_silent_while_the_user_has_disabled_it_in_the_command_register()
    {
        Board board = new Board().Assign();
        CountingTrigger intx = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 1, default, [intx]));
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, [0x02, 0x04]));
        board.Write(PciTestDevice.Register.Intx, 1);
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionUnmask, VfioIrqIndex.Intx, 0, 1, default, default));
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 1, default, default));
        Assert.Equal(0, intx.Signals);
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, [0x02, 0x00]));
        Assert.Equal(1, intx.Signals);
    }

    [Fact]
    public void A_device_in_D3hot_answers_EIO_and_neither_masters_the_bus()
    {
        Board board = new Board().Assign().Map(0x1_0000, 0x2000);
        board.EnableBusMaster();
        ulong power = (ulong)board.Physical().Function.PowerManagement!.Offset + PowerManagementCapability.ControlStatus;
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, power, [3, 0]));
        Assert.Equal(Errno.EIO, board.Device.ReadRegion(0, 0, new byte[4]).Errno);
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, power, [0, 0]));
        Assert.Equal(PciTestDevice.CopyStatus.Done, board.Copy(0x1_0000, 0x1_1000, 16));
    }

    [Fact]
    public void V5_clearing_MSI_enable_in_config_space_silences_the_device_and_masks_end_with_the_vectors()
    {
        Board board = new Board().Assign();
        board.EnableBusMaster();
        CountingTrigger trigger = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Msi, 0, 1, default, [trigger]));
        MsiCapability capability = board.Physical().Function.Msi!;
        board.Write(PciTestDevice.Register.Raise, 0);
        Assert.Equal(1, trigger.Signals);
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, (ulong)capability.Offset + MsiCapability.MessageControl, [0, 0]));
        board.Write(PciTestDevice.Register.Raise, 0);
        Assert.Equal(1, trigger.Signals);

        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Msi, 0, 0, default, default));
        Assert.All(Enumerable.Range(0, capability.VectorCount), vector => Assert.False(capability.IsMasked(vector)));
    }

    [Fact]
    public void INTx_signals_once_a_level_and_again_when_unmasked_while_still_asserted()
    {
        Board board = new Board().Assign();
        CountingTrigger intx = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Intx, 0, 1, default, [intx]));
        board.Write(PciTestDevice.Register.Intx, 1);
        board.Write(PciTestDevice.Register.Intx, 1);
        Assert.Equal(1, intx.Signals);
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionUnmask, VfioIrqIndex.Intx, 0, 1, default, default));
        Assert.Equal(2, intx.Signals);
        board.Write(PciTestDevice.Register.Intx, 0);
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionUnmask, VfioIrqIndex.Intx, 0, 1, default, default));
        Assert.Equal(2, intx.Signals);
    }

    [Fact]
    public void DMA_copies_between_two_iovas_and_a_fault_is_recorded_and_moves_nothing()
    {
        Board board = new Board().Assign().Map(0x1_0000, 0x1_0000).Map(0x8000_0000, 0x1_0000, offset: 0x20_0000);
        board.EnableBusMaster();
        Random.Shared.NextBytes(board.Client.Bytes.Slice(0, 0x1_0000));

        Assert.Equal(PciTestDevice.CopyStatus.Done, board.Copy(0x1_0800, 0x8000_0123, 0x3456));
        Assert.Equal(board.Client.Bytes.Slice(0x800, 0x3456), board.Client.Bytes.Slice(0x20_0123, 0x3456));

        byte[] before = [.. board.Client.Bytes];
        Assert.Equal(PciTestDevice.CopyStatus.SourceFault, board.Copy(0x4000_0000, 0x8000_0000, 0x100));
        Assert.Equal(PciTestDevice.CopyStatus.DestinationFault, board.Copy(0x1_0000, 0x4000_0000, 0x100));
        Assert.Equal(before, board.Client.Bytes);

        IommuFaultEvent[] faults = [.. board.Events.OfType<IommuFaultEvent>()];
        Assert.Equal(2, faults.Length);
    }

    [Fact]
    public void A_read_only_mapping_cannot_be_written_by_the_device()
    {
        Board board = new Board().Assign().Map(0x1_0000, 0x1000).Map(0x2_0000, 0x1000, VfioMapFlags.Read, 0x1000);
        board.EnableBusMaster();
        Assert.Equal(PciTestDevice.CopyStatus.DestinationFault, board.Copy(0x1_0000, 0x2_0000, 16));
        Assert.Equal(PciTestDevice.CopyStatus.Done, board.Copy(0x2_0000, 0x1_0000, 16));
    }

    [Fact]
    public void Without_bus_master_there_is_neither_DMA_nor_MSI()
    {
        Board board = new Board().Assign().Map(0x1_0000, 0x2000);
        CountingTrigger trigger = board.ArmMsiX(1)[0];
        Assert.NotEqual(PciTestDevice.CopyStatus.Done, board.Copy(0x1_0000, 0x1_1000, 16));
        board.Write(PciTestDevice.Register.Raise, 0);
        Assert.Equal(0, trigger.Signals);
    }

    [Fact]
    public void V5_the_message_never_shows_in_config_space_nor_in_the_table()
    {
        Board board = new Board().Assign();
        CountingTrigger msi = new();
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.Msi, 0, 1, default, [msi]));
        MsiCapability capability = board.Physical().Function.Msi!;
        byte[] seen = new byte[capability.Length];
        Board.Ok(board.Device.ReadRegion(VfioRegionIndex.Config, (ulong)capability.Offset, seen));
        Assert.True(capability.IsEnabled);
        Assert.NotEqual(0u, capability.ReadBack().AddressLo);
        Assert.Equal(0, seen[2] & 1);
        Assert.All(seen.Skip(4).Take(10), static value => Assert.Equal(0, value));

        // The user's own bytes are the user's: written, read back, never in the device.
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, (ulong)capability.Offset + 4, [0x78, 0x56, 0x34, 0x12]));
        Board.Ok(board.Device.ReadRegion(VfioRegionIndex.Config, (ulong)capability.Offset + 4, seen.AsSpan(0, 4)));
        Assert.Equal([0x78, 0x56, 0x34, 0x12], seen[..4]);
        Assert.Equal(0x0800_0040u, capability.ReadBack().AddressLo);

        byte[] table = new byte[16];
        Board.Ok(board.Device.ReadRegion((uint)board.Physical().Function.MsiX!.TableBar, board.Physical().Function.MsiX!.TableOffset, table));
        Assert.All(table, static value => Assert.Equal(0xff, value));
    }

    [Fact]
    public void BARs_size_and_keep_what_the_user_writes_while_the_device_stays_where_it_is()
    {
        Board board = new Board().Assign();
        ulong physical = board.Physical().Function.Bars[0]!.Address;
        Assert.NotEqual(0UL, physical);
        byte[] bar = new byte[4];
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Bar0, [0xff, 0xff, 0xff, 0xff]));
        Board.Ok(board.Device.ReadRegion(VfioRegionIndex.Config, PciHeader.Bar0, bar));
        Assert.Equal(0xffff_f004u, BitConverter.ToUInt32(bar));
        Assert.Equal(physical, board.Physical().Function.Bars[0]!.Address);
    }

    [Fact]
    public void Regions_answer_as_the_kernel_does_at_their_ends_and_when_disabled()
    {
        Board board = new Board().Assign();
        byte[] four = new byte[4];
        Assert.Equal(Errno.EFAULT, board.Device.ReadRegion(VfioRegionIndex.Config, 4096, four).Errno);
        Assert.Equal(Errno.EFAULT, board.Device.ReadRegion(VfioRegionIndex.Config, 0xffe, four).Errno);
        Assert.Equal(Errno.EFAULT, board.Device.ReadRegion(VfioRegionIndex.Config, ulong.MaxValue - 1, four).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.ReadRegion(0, 4096, four).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.ReadRegion(9, 0, four).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.GetRegionInfo(VfioRegionIndex.Vga).Errno);
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, [0, 0]));
        Assert.Equal(Errno.EIO, board.Device.ReadRegion(0, 0, four).Errno);
        Assert.Equal(Errno.EIO, board.Device.WriteRegion(0, 0, four).Errno);
    }

    [Fact]
    public void A_reset_keeps_what_is_armed_working()
    {
        Board board = new Board().Assign();
        board.EnableBusMaster();
        CountingTrigger trigger = board.ArmMsiX(2)[1];
        board.Write(PciTestDevice.Register.Scratch, 0x1234);
        Board.Ok(board.Device.Reset());
        Assert.Equal(0u, board.Read(PciTestDevice.Register.Scratch));
        board.Write(PciTestDevice.Register.Raise, 1);
        Assert.Equal(1, trigger.Signals);
    }

    [Fact]
    public void V7_closing_in_the_kernels_odd_order_returns_everything()
    {
        Board board = new Board().Assign().Map(0, 0x1000);
        CountingTrigger trigger = board.ArmMsiX(1)[0];
        board.EnableBusMaster();

        // Container first: nothing happens until the device and the group are closed.
        board.Container.Release();
        board.Group.Release();
        board.Write(PciTestDevice.Register.Raise, 0);
        Assert.Equal(1, trigger.Signals);
        Assert.False(board.Host.IsIdle);
        board.Device.Release();
        Assert.True(board.Host.IsIdle);
        Assert.Equal(1, trigger.Releases);

        // As it was enabled: decoding, off the bus.
        Assert.Equal(PciCommand.MemorySpace, board.Physical().Function.Command);
    }

    [Fact]
    public void A_hot_reset_names_every_function_it_reaches_and_wants_their_groups()
    {
        Board board = new Board("virt-gicv3", false, "0000:01:00.0", "0000:00:03.0").Assign();
        board.EnableBusMaster();
        VfioDependentDevice reached = Assert.Single(Board.Ok(board.Device.GetHotResetInfo()));
        Assert.Equal(("0000:01:00.0", board.Group.Group.Id), (reached.Address.ToString(), reached.Group));

        CountingTrigger trigger = board.ArmMsiX(1)[0];
        board.Write(PciTestDevice.Register.Scratch, 7);
        Assert.Equal(Errno.EINVAL, board.Device.HotReset([]).Errno);
        Assert.Equal(7u, board.Read(PciTestDevice.Register.Scratch));
        Board.Ok(board.Device.HotReset([board.Group]));
        Assert.Equal(0u, board.Read(PciTestDevice.Register.Scratch));
        board.Write(PciTestDevice.Register.Raise, 0);
        Assert.Equal(1, trigger.Signals);

        VfioGroup rootGroup = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:00:03.0").Id));
        Board.Ok(rootGroup.SetContainer(board.Container));
        Assert.Equal(Errno.ENODEV, Board.Ok(rootGroup.OpenDevice("0000:00:03.0")).GetHotResetInfo().Errno);
    }
}
