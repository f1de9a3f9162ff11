using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>The board of the captures: what Linux made of it is what has to come out.</summary>
public class PciTopologyTests
{
    private readonly PciHostBridge _host = new(0, 0, 0xff);
    private readonly PciTopology _topology = new();

    public PciTopologyTests()
    {
        Assert.True(_topology.Add(_host).IsOk);
        Conventional("00:00.0");
        Express("00:01.0");
        Express("00:02.0");
        Conventional("00:03.0");
        Express("00:04.0");
        Bridge("00:05.0", 1, PciExpressType.RootPort, AcsServices.Isolation);
        Bridge("00:06.0", 2, PciExpressType.RootPort, AcsServices.Isolation);
        Bridge("00:07.0", 3, PciExpressType.PcieToPciBridge, AcsServices.None);
        Express("00:08.0");
        Conventional("00:09.0");
        Conventional("00:09.1");
        Conventional("00:09.2");
        Bridge("00:0a.0", 4, PciExpressType.RootPort, AcsServices.None);
        Express("01:00.0");
        Express("02:00.0");
        Conventional("03:01.0");
        Conventional("03:02.0");
        Conventional("04:00.0");
    }

    [Fact]
    public void V4_Groups_are_those_Linux_makes_of_the_same_board()
    {
        // Linux gives 03:02.0 no group on an SMMUv3, which cannot take an aliased stream twice; by topology it is in its bridge's.
        string[] expected =
        [
            "00:00.0", "00:01.0", "00:02.0", "00:03.0", "00:04.0", "00:05.0", "00:06.0", "00:07.0 03:01.0 03:02.0", "00:08.0",
            "00:09.0 00:09.1 00:09.2", "00:0a.0 04:00.0", "01:00.0", "02:00.0",
        ];
        Assert.Equal(expected, _topology.GetIsolationGroups().Select(Short));
    }

    [Fact]
    public void M11_A_function_behind_a_PCI_bridge_arrives_as_function_zero_of_its_bus()
    {
        Assert.Equal(0x300, PciTopology.GetRequesterId(Find("03:01.0")).Value);
        Assert.Equal([0x308, 0x300], PciTopology.GetDmaAliases(Find("03:01.0")).Select(id => (int)id.Value));
        Assert.Equal(0x100, PciTopology.GetRequesterId(Find("01:00.0")).Value);
        Assert.Equal(0x8, PciTopology.GetRequesterId(Find("00:01.0")).Value);
    }

    [Fact]
    public void An_endpoint_on_the_root_bus_is_integrated_and_has_no_link()
    {
        Assert.Equal(PciExpressType.RootComplexIntegratedEndpoint, Find("00:01.0").Express!.Type);
        Assert.Equal(0u, Find("00:01.0").Config32(Find("00:01.0").Express!.Offset + PciExpressCapability.LinkCapabilities));
        Assert.Equal(PciExpressType.Endpoint, Find("01:00.0").Express!.Type);
    }

    [Fact]
    public void Functions_of_one_device_say_that_they_are_several()
    {
        Assert.True(Find("00:09.0").IsMultifunction);
        Assert.False(Find("00:08.0").IsMultifunction);
        Find("00:09.0").ResetFunction();
        Assert.True(Find("00:09.0").IsMultifunction);
    }

    [Fact]
    public void Switching_ACS_off_on_a_port_joins_what_is_below_it()
    {
        PciFunction port = Find("00:05.0");
        port.Config16(port.Acs!.Offset + AcsCapability.ControlRegister, 0);
        Assert.Contains("00:05.0 01:00.0", _topology.GetIsolationGroups().Select(Short));
    }

    [Fact]
    public void A_switch_port_without_ACS_shares_its_group_with_what_is_below_it()
    {
        foreach (AcsServices acs in new[] { AcsServices.None, AcsServices.Isolation })
        {
            var topology = new PciTopology();
            var host = new PciHostBridge(1, 0, 0x1f);
            topology.Add(host);
            Add(host, NewBridge("0001:00:01.0", 1, 4, PciExpressType.RootPort, AcsServices.Isolation));
            Add(host, NewBridge("0001:01:00.0", 2, 4, PciExpressType.UpstreamPort, AcsServices.None));
            Add(host, NewBridge("0001:02:00.0", 3, 3, PciExpressType.DownstreamPort, acs));
            Add(host, NewBridge("0001:02:01.0", 4, 4, PciExpressType.DownstreamPort, acs));
            Add(host, NewExpress("0001:03:00.0"));
            Add(host, NewExpress("0001:04:00.0"));
            string[] expected = acs == AcsServices.None
                ? ["00:01.0", "01:00.0", "02:00.0 03:00.0", "02:01.0 04:00.0"]
                : ["00:01.0", "01:00.0", "02:00.0", "02:01.0", "03:00.0", "04:00.0"];
            Assert.Equal(expected, topology.GetIsolationGroups().Select(Short));
        }
    }

    [Fact]
    public void A_place_that_is_taken_or_does_not_exist_is_refused()
    {
        Assert.Equal(Errno.EEXIST, _host.Add(NewExpress("00:01.0")).Errno);
        Assert.Equal(Errno.ENODEV, _host.Add(NewExpress("05:00.0")).Errno);
        Assert.Equal(Errno.EINVAL, _host.Add(NewExpress("01:01.0")).Errno);
        Assert.Equal(Errno.EINVAL, _host.Add(NewBridge("00:0b.0", 4, 5, PciExpressType.RootPort, AcsServices.None)).Errno);
        Assert.Equal(Errno.EEXIST, _topology.Add(new PciHostBridge(0, 0x80, 0x90)).Errno);
        Assert.Null(_topology.Find(new PciAddress(1, 0, 0, 0)));
    }

    [Fact]
    public void A_bridge_shows_a_type_1_header_with_its_buses()
    {
        PciFunction port = Find("00:0a.0");
        Assert.True(port.IsBridge);
        Assert.Equal(0x0004_0400u, port.Config32(PciHeader.PrimaryBus));
        Assert.Equal(PciExpressType.RootPort, port.Express!.Type);
        Assert.Null(port.Acs);
        Assert.Equal(AcsServices.Isolation, Find("00:05.0").Acs!.Enabled);
    }

    private static string Short(IReadOnlyList<PciFunction> group) => string.Join(' ', group.Select(function => function.Name[5..]));

    private static void Add(PciHostBridge host, PciFunction function)
    {
        Result result = host.Add(function);
        Assert.True(result.IsOk, result.ToString());
    }

    private static PciAddress At(string text)
    {
        Assert.True(PciAddress.TryParse(text, out PciAddress address));
        return address;
    }

    private static PciFunction NewExpress(string at) => new(At(at), new PlainModel(PlainModel.Simple));

    private static PciBridge NewBridge(string at, byte secondary, byte subordinate, PciExpressType type, AcsServices acs) =>
        new(At(at), new PciBridgeDescription { VendorId = 0x1234, DeviceId = 1, Type = type, Acs = acs }, secondary, subordinate);

    private PciFunction Find(string at) => _topology.Find(At(at))!;

    private void Express(string at) => Add(_host, NewExpress(at));

    private void Conventional(string at) => Add(_host, new PciFunction(At(at), new PlainModel(PlainModel.Simple with { IsExpress = false })));

    private void Bridge(string at, byte secondary, PciExpressType type, AcsServices acs) => Add(_host, NewBridge(at, secondary, secondary, type, acs));
}
