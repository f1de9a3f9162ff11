using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Tests.Machines;

public class IdMapTests
{
    private static readonly IdMap Map = new([new(0x0, "a", 0x100, 0x10), new(0x100, "b", 0x8000, 0x80)]);

    [Theory]
    [InlineData(0x0, "a", 0x100)]
    [InlineData(0xf, "a", 0x10f)]
    [InlineData(0x100, "b", 0x8000)]
    [InlineData(0x17f, "b", 0x807f)]
    public void A_requester_becomes_the_ID_its_row_gives_it(int requester, string target, uint id)
    {
        Assert.True(Map.TryMap(new RequesterId((ushort)requester), out string found, out uint output));
        Assert.Equal((target, id), (found, output));
    }

    [Theory]
    [InlineData(0x10)]
    [InlineData(0xff)]
    [InlineData(0x180)]
    [InlineData(0xffff)]
    public void A_requester_no_row_covers_is_not_mapped(int requester) =>
        Assert.False(Map.TryMap(new RequesterId((ushort)requester), out _, out _));

    [Fact]
    public void The_mask_is_applied_before_the_rows_so_that_functions_of_a_device_share_an_ID()
    {
        IdMap map = Map with { Mask = 0xfff8 };
        Assert.True(map.TryMap(new RequesterId(0x10b), out string target, out uint output));
        Assert.Equal(("b", 0x8008u), (target, output));
        Assert.True(map.TryMap(new RequesterId(0x7), out _, out output));
        Assert.Equal(0x100u, output);
    }

    [Fact]
    public void The_mask_can_fold_buses_together()
    {
        IdMap map = Map with { Mask = 0x000f };
        Assert.True(map.TryMap(new RequesterId(0x7ff5), out string target, out uint output));
        Assert.Equal(("a", 0x105u), (target, output));
    }

    [Fact]
    public void A_row_covers_all_requesters_and_gives_the_highest_IDs()
    {
        var map = new IdMap([new IdMapEntry(0, "a", 0xffff_0000, 0x1_0000)]);
        Assert.True(map.TryMap(new RequesterId(0xffff), out _, out uint output));
        Assert.Equal(0xffff_ffffu, output);
    }

    [Fact]
    public void An_empty_map_maps_nothing_and_the_identity_maps_everything_to_itself()
    {
        Assert.False(IdMap.None.TryMap(new RequesterId(0), out _, out _));
        Assert.True(IdMap.Identity("x").TryMap(new RequesterId(0xabcd), out string target, out uint output));
        Assert.Equal(("x", 0xabcdu), (target, output));
    }

    [Fact]
    public void Machine_lookups_go_through_the_host_s_maps_and_masks()
    {
        string text = TestMachines.Text("virt-gicv3")
            .Replace("{rid-base: 0, iommu: smmu, stream-base: 0, length: 0x1_0000}", "{rid-base: 0x100, iommu: smmu, stream-base: 0x40, length: 0x100}", StringComparison.Ordinal)
            .Replace("{rid-base: 0, controller: its, device-base: 0, length: 0x1_0000}", "{rid-base: 0x100, controller: its, device-base: 0x7, length: 8}\n    msi-map-mask: 0x0ff8", StringComparison.Ordinal);
        MachineDescription machine = MachineYaml.Read("test.yaml", text).Value;
        PciHostDescription host = machine.PciHosts[0];
        Assert.True(machine.TryFindStream(host, new RequesterId(0x103), out StreamTarget stream));
        Assert.Equal(new StreamTarget(machine.Iommus[0], new StreamId(0x43)), stream);
        Assert.True(machine.TryFindMsiController(host, new RequesterId(0x1103), out MsiTarget msi));
        Assert.Equal(new MsiTarget(machine.MsiControllers[0], new DeviceId(7)), msi);
        Assert.False(machine.TryFindStream(host, new RequesterId(0x200), out _));
        Assert.False(machine.TryFindMsiController(host, new RequesterId(0x200), out _));
    }
}
