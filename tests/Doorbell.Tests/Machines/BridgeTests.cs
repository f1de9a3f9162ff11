using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines;

/// <summary>The bridges of a host: what of them a machine's file may say, and which groups come of it.</summary>
public class BridgeTests
{
    private const string Good = """
            bridges:
              - {address: 00:07.0, type: pcie-to-pci, secondary-bus: 3}
              - {address: 00:1e.0, type: conventional, secondary-bus: 5, subordinate-bus: 6}
              - {address: 05:02.0, type: conventional, secondary-bus: 6}
              - {address: 00:0b.0, type: root-port, secondary-bus: 8, subordinate-bus: 15, acs: yes}
              - {address: 08:00.0, type: upstream-port, secondary-bus: 9, subordinate-bus: 15, acs: no}
              - {address: 09:00.0, type: downstream-port, secondary-bus: 10, acs: yes}
              - {address: 09:01.0, type: downstream-port, secondary-bus: 11, acs: no}
            slots:
              - {address: 03:01.0}
              - {address: 03:02.0}
              - {address: 06:04.0}
              - {address: 0a:00.0}
              - {address: 0b:00.0}
              - {address: 00:09.0}
              - {address: 00:09.1}

        """;

    [Fact]
    public void V4_Groups_follow_switches_and_bridges_to_conventional_PCI()
    {
        // An SMMUv2 minds no aliases: one group a set of functions that cannot be kept apart.
        Machine machine = Build("smmuv2");
        string[] expected =
        [
            "00:05.0", "00:06.0", "00:07.0 03:01.0 03:02.0", "00:09.0 00:09.1", "00:0a.0", "00:0b.0", "00:1e.0 05:02.0 06:04.0",
            "08:00.0", "09:00.0", "09:01.0 0b:00.0", "0a:00.0",
        ];
        Assert.Equal(expected, machine.Groups.Select(Short));
    }

    [Fact]
    public void V4_An_SMMUv3_gives_one_function_a_StreamID_its_group_and_the_others_none()
    {
        // 05:02.0 and 06:04.0 arrive as the bridge 00:1e.0 itself.
        Machine machine = Build("smmuv3");
        Assert.Equal(["03:02.0", "05:02.0", "06:04.0"], machine.Devices.Where(device => device.NoGroupReason is not null).Select(device => device.Name[5..]));
        Assert.Equal("00:07.0 03:01.0", Short(machine.Groups.Single(group => group.Devices[0].Name == "0000:00:07.0")));
    }

    [Fact]
    public void M11_Who_stands_behind_bridges_is_the_DeviceID_and_the_StreamID_that_arrives_at_the_root()
    {
        Machine machine = Build("smmuv2");
        uint[] Ids(string address) => machine.Devices.Where(device => device.Name == address).SelectMany(device => new[] { device.DeviceId.Value, device.StreamId.Value }).ToArray();
        Assert.Equal([0x300u, 0x300u], Ids("0000:03:02.0"));
        Assert.Equal([0xf0u, 0xf0u], Ids("0000:06:04.0"));
        Assert.Equal([0xb00u, 0xb00u], Ids("0000:0b:00.0"));
    }

    [Fact]
    public void A_PCI_Express_device_does_not_go_on_a_conventional_bus()
    {
        var builder = new MachineBuilder(Read(Text("smmuv3")).Value);
        Assert.True(builder.Plug(new PciAddress(0, 3, 1, 0), new PciTestDevice()).IsOk);
        Assert.Equal((Errno.EINVAL, "pci-test is PCI Express and cannot be put at 0000:03:01.0: below 0000:00:07.0 is conventional PCI."), (builder.Build().Errno, builder.Build().Reason));
    }

    [Theory]
    [InlineData("{address: 05:02.0, type", "{address: 07:02.0, type", "[2].address: expected an address on the root bus or on the bus below a root port or an earlier bridge, not 0000:07:02.0.")]
    [InlineData("type: conventional, secondary-bus: 6", "type: root-port, acs: no, secondary-bus: 6", "[2].address: a root port stands on the root bus: expected such an address, not 0000:05:02.0.")]
    [InlineData("type: upstream-port", "type: downstream-port", "[4].address: a downstream port stands below its switch's upstream port: expected such an address, not 0000:08:00.0.")]
    [InlineData("09:00.0, type: downstream-port", "09:00.0, type: upstream-port", "[5].address: a switch's upstream port stands below a root port or a downstream port: expected such an address, not 0000:09:00.0.")]
    [InlineData("00:07.0, type: pcie-to-pci", "01:03.0, type: pcie-to-pci", "[0].address: a link has device 0 only (PCIe base 7.3.1): expected 0000:01:00.0, not 0000:01:03.0.")]
    [InlineData("00:07.0, type: pcie-to-pci", "00:05.0, type: pcie-to-pci", "[0].address: 0000:00:05.0 is taken by an earlier root port, bridge or slot: expected an address of its own.")]
    [InlineData("type: conventional, secondary-bus: 6", "type: conventional, secondary-bus: 7", "[2].secondary-bus: expected a bus from 0x6 to 0x6, not \"7\".")]
    [InlineData("secondary-bus: 11, acs: no", "secondary-bus: 10, acs: no", "[6].secondary-bus: bus 0xa is below 0000:09:00.0 already: expected buses of its own.")]
    [InlineData("secondary-bus: 3}", "secondary-bus: 3, acs: yes}", "[0].acs: this key is not known here: expected one of address, secondary-bus, subordinate-bus, type.")]
    public void A_bridge_that_cannot_stand_there_is_refused(string good, string bad, string sentence)
    {
        string text = Text("smmuv3");
        Assert.Contains(good, text, StringComparison.Ordinal);
        Assert.EndsWith("pci-hosts[0].bridges" + sentence, Read(text.Replace(good, bad, StringComparison.Ordinal)).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("09:05.0", "bus 0x9 is inside the switch at 0000:08:00.0: expected an address below one of its downstream ports, not 0000:09:05.0.")]
    [InlineData("0a:01.0", "a link has device 0 only (PCIe base 7.3.1): expected 0000:0a:00.0, not 0000:0a:01.0.")]
    public void A_slot_stands_where_a_device_can(string address, string sentence) =>
        Assert.EndsWith(sentence, Read(Text("smmuv3").Replace("{address: 03:01.0}", $"{{address: {address}}}", StringComparison.Ordinal)).Reason, StringComparison.Ordinal);

    private static string Short(PassthroughGroup group) => string.Join(' ', group.Devices.Select(device => device.Name[5..]));

    // virt-gicv3's own slots stay out: this host has others.
    private static string Text(string model)
    {
        string text = TestMachines.Text("virt-gicv3").Replace("model: smmuv3", "model: " + model, StringComparison.Ordinal);
        return text[..text.IndexOf("    slots:", StringComparison.Ordinal)] + Good;
    }

    private static Result<MachineDescription> Read(string text) => MachineYaml.Read("board.yaml", text);

    private static Machine Build(string model)
    {
        Result<MachineDescription> description = Read(Text(model));
        Assert.True(description.IsOk, description.Reason);
        var builder = new MachineBuilder(description.Value);
        foreach (PciSlotDescription slot in description.Value.Slots)
        {
            // On conventional PCI, and the multi-function device at 00:09 without ACS.
            bool isExpress = slot.Address.Bus > 6;
            Assert.True(builder.Plug(slot.Address, new PciTestDevice(isExpress: isExpress)).IsOk);
        }

        Result<Machine> machine = builder.Build();
        Assert.True(machine.IsOk, machine.Reason);
        return machine.Value;
    }
}
