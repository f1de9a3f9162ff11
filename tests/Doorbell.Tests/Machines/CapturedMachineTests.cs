using Doorbell.Devices;
using Doorbell.Events;
using Doorbell.Machines;
using Doorbell.Machines.Events;
using Doorbell.Pci;
using Doorbell.Tests.Devices;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines;

/// <summary>The machine of the captures, rebuilt from what sysfs showed of its 18 functions.</summary>
public class CapturedMachineTests
{
    private readonly EventStream _events = new();
    private readonly List<MachineEvent> _heard = [];
    private readonly Machine _machine;

    public CapturedMachineTests()
    {
        using IDisposable subscription = _events.Subscribe(_heard.Add);
        var builder = new MachineBuilder(TestMachines.Load("virt-gicv3"), _events);
        foreach (CapturedAt found in VirtCapture.Functions)
        {
            Result added = builder.Add(found);
            Assert.True(added.IsOk, added.Reason);
        }

        Result<Machine> machine = builder.Build();
        Assert.True(machine.IsOk, machine.Reason);
        _machine = machine.Value;
    }

    [Fact]
    public void All_18_functions_come_up_where_they_were_with_the_groups_Linux_gave_them()
    {
        Assert.Equal(18, _machine.Devices.Count);
        Assert.Equal(
            VirtCapture.Groups.OrderBy(static group => group.Key, StringComparer.Ordinal),
            _machine.Devices.Select(device => KeyValuePair.Create(device.Name, _machine.FindGroup(device)?.Id ?? -1)).OrderBy(static group => group.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void V4_The_second_function_behind_a_PCI_bridge_gets_no_group_on_an_SMMUv3_and_that_is_told()
    {
        PassthroughDevice alias = Find("0000:03:02.0");
        Assert.Null(alias.Iommu);
        Assert.Null(_machine.FindGroup(alias));
        Assert.Equal("it is StreamID 0x300 at IOMMU smmu, which 0000:03:01.0 is already: an SMMUv3 has one device a StreamID", alias.NoGroupReason);
        Assert.Equal(alias.NoGroupReason, Assert.Single(_heard.OfType<DeviceWithoutGroup>()).Reason);
        Assert.Equal((0x300u, 0x300u), (Find("0000:03:01.0").StreamId.Value, Find("0000:03:01.0").DeviceId.Value));
    }

    [Fact]
    public void Configuration_space_is_the_captured_one_but_for_what_was_running_on_it()
    {
        foreach (CapturedAt found in VirtCapture.Functions)
        {
            PciFunction function = Find(found.Address.ToString()).Function;
            byte[] bytes = new byte[function.Config.Size];
            function.ReadConfig(0, bytes);
            Assert.Equal(found.Function.Config.ToArray(), bytes);
            Assert.False(function.Msi?.IsEnabled ?? false, function.Name);
            Assert.False(function.MsiX?.IsEnabled ?? false, function.Name);
        }
    }

    [Fact]
    public void A_captured_function_has_its_capabilities_and_its_BARs_where_its_firmware_put_them()
    {
        PciFunction igb = Find("0000:00:01.0").Function;
        Assert.Equal((10, 1, PciExpressType.RootComplexIntegratedEndpoint), (igb.MsiX!.VectorCount, igb.Msi!.VectorCount, igb.Express!.Type));
        Assert.True(igb.Msi.HasPerVectorMask);
        Assert.Equal((0x80_0060_0000ul, 0x4000ul), (igb.Bars[3]!.Address, igb.Bars[3]!.Size));
        Assert.Equal((PciBarKind.Io, 32ul), (igb.Bars[2]!.Kind, igb.Bars[2]!.Size));
        Assert.Equal(65, Find("0000:00:02.0").Function.MsiX!.VectorCount);
        Assert.Equal(16, Find("0000:00:08.0").Function.Msi!.VectorCount);
        Assert.Null(Find("0000:00:0a.0").Function.Acs);
        Assert.True(PciTopology.IsAcsEnabled(Find("0000:00:05.0").Function));
    }

    [Fact]
    public void A_captured_function_answers_sizing_and_its_registers_read_as_zero()
    {
        PciFunction edu = Find("0000:00:03.0").Function;
        edu.WriteConfig(PciHeader.Bar0, [0xff, 0xff, 0xff, 0xff]);
        Assert.Equal(0xfff0_0000u, edu.Config.Read32(PciHeader.Bar0));
        edu.SetCommand(PciCommand.MemorySpace);
        byte[] register = [1, 2, 3, 4];
        edu.WriteBar(0, 0, register);
        edu.ReadBar(0, 0, register);
        Assert.Equal([0, 0, 0, 0], register);
    }

    [Fact]
    public void A_captured_device_in_a_slot_of_another_board_gets_that_boards_addresses()
    {
        var builder = new MachineBuilder(TestMachines.Load("virt-gicv3"));
        Assert.True(builder.Plug(new PciAddress(0, 1, 0, 0), new CapturedDevice(VirtCapture.Find("0000:02:00.0").Function)).IsOk);
        Machine machine = builder.Build().Value;
        PciBar bar = machine.Find(new PciAddress(0, 1, 0, 0))!.Function.Bars[0]!;
        Assert.Contains(machine.Description.PciHosts[0].Windows, window => bar.Address >= window.BusAddress && bar.Address + (bar.Size - 1) <= window.BusLast);
        Assert.NotEqual(0x1030_0000ul, bar.Address);
    }

    [Fact]
    public void A_place_is_taken_once_and_must_be_on_a_bus_there_is()
    {
        var builder = new MachineBuilder(TestMachines.Load("virt-gicv3"));
        CapturedAt edu = VirtCapture.Find("0000:00:03.0");
        Assert.True(builder.Add(edu).IsOk);
        Assert.Equal(Errno.EEXIST, builder.Add(edu).Errno);
        Assert.Equal(Errno.ENODEV, builder.Add(edu with { Address = new PciAddress(7, 0, 3, 0) }).Errno);
    }

    private PassthroughDevice Find(string address)
    {
        Assert.True(PciAddress.TryParse(address, out PciAddress at));
        return _machine.Find(at)!;
    }
}
