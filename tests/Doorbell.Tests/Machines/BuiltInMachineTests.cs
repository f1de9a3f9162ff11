using Doorbell.Machines;

namespace Doorbell.Tests.Machines;

public class BuiltInMachineTests
{
    [Theory]
    [InlineData("virt-gicv3")]
    [InlineData("virt-gicv2m")]
    [InlineData("amd-overdrive")]
    public void A_machine_is_called_as_its_file_and_has_a_slot_of_its_own_group_at_01_00_0(string name)
    {
        MachineDescription machine = TestMachines.Load(name);
        Assert.Equal(name, machine.Name);
        var address = new PciAddress(0, 1, 0, 0);
        Assert.True(machine.TryFindSlot(address, out PciSlotDescription? slot));
        Assert.Null(slot.Device);
        Assert.Equal(address, machine.Slots.First().Address);
        Assert.True(machine.TryFindHost(address, out PciHostDescription? host));
        Assert.True(host.RootPorts.Single(port => port.SecondaryBus == 1).Acs);
    }
}
