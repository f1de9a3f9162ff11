using Doorbell.Devices;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>VFIO_DEVICE_PCI_HOT_RESET: who may, and that it happens to every function of the bus.</summary>
public class HotResetTests
{
    private static readonly PciAddress _second = Address("0000:01:00.1");

    private readonly Board _board = new(
        "virt-gicv3",
        static text => text.Replace("- {address: 01:00.0}", "- {address: 01:00.0}\n      - {address: 01:00.1}", StringComparison.Ordinal),
        new VfioOptions(),
        MappingPoint.Alloc,
        "0000:01:00.0",
        "0000:01:00.1",
        "0000:02:00.0");

    [Fact]
    public void Every_function_of_the_bus_is_reset_open_or_not_and_keeps_its_settings()
    {
        _board.Assign();
        _board.EnableBusMaster();
        CountingTrigger[] triggers = _board.ArmMsiX(2);
        _board.Write(PciTestDevice.Register.Scratch, 1);
        PciFunction second = _board.Physical("0000:01:00.1").Function;
        second.SetCommand(PciCommand.MemorySpace);
        second.WriteBar(0, (ulong)PciTestDevice.Register.Scratch, [2, 0, 0, 0]);
        int before = _board.Events.OfType<PciFunctionReset>().Count();

        Board.Ok(_board.Device.HotReset([_board.Group]));

        Assert.Equal(
            [Address("0000:01:00.0"), _second],
            _board.Events.OfType<PciFunctionReset>().Skip(before).Select(static reset => reset.Function));
        byte[] scratch = new byte[4];
        second.ReadBar(0, (ulong)PciTestDevice.Register.Scratch, scratch);
        Assert.Equal((0u, 0), (_board.Read(PciTestDevice.Register.Scratch), scratch[0]));
        Assert.Equal(PciCommand.MemorySpace, second.Command);

        // The message is in the device again.
        _board.Write(PciTestDevice.Register.Raise, 1);
        Assert.Equal((0, 1), (triggers[0].Signals, triggers[1].Signals));
    }

    [Fact]
    public void Who_does_not_show_every_group_or_shows_more_than_there_are_functions_is_refused_and_nothing_is_reset()
    {
        _board.Assign();
        VfioGroup other = Board.Ok(_board.Host.OpenGroup(_board.GroupOf("0000:02:00.0").Id));
        int before = _board.Events.OfType<PciFunctionReset>().Count();
        Assert.Equal(Errno.EINVAL, _board.Device.HotReset([]).Errno);
        Assert.Equal(Errno.EINVAL, _board.Device.HotReset([other]).Errno);
        Assert.Equal(Errno.EINVAL, _board.Device.HotReset([_board.Group, other, other]).Errno);
        Assert.Equal(before, _board.Events.OfType<PciFunctionReset>().Count());
        Board.Ok(_board.Device.HotReset([other, _board.Group]));
    }

    [Fact]
    public void A_function_that_is_not_bound_to_vfio_keeps_the_bus_from_being_reset()
    {
        _board.Physical("0000:01:00.1").Driver = null;
        _board.Assign();
        Assert.Equal(2, Board.Ok(_board.Device.GetHotResetInfo()).Count);
        Result refused = _board.Device.HotReset([_board.Group]);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("0000:01:00.1", refused.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_on_a_root_bus_has_no_port_that_could_reset_it()
    {
        Board board = new("virt-gicv3", false, "0000:00:02.0");
        VfioContainer container = board.Host.OpenContainer();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf("0000:00:02.0").Id));
        Board.Ok(group.SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        VfioDevice device = Board.Ok(group.OpenDevice("0000:00:02.0"));
        Assert.Equal(Errno.ENODEV, device.GetHotResetInfo().Errno);
        Assert.Equal(Errno.ENODEV, device.HotReset([group, group, group]).Errno);
    }

    private static PciAddress Address(string text)
    {
        Assert.True(PciAddress.TryParse(text, out PciAddress address));
        return address;
    }
}
