using Doorbell.Hosts;
using Doorbell.Pci;

namespace Doorbell.Tests.Hosts;

/// <summary>What configuration space says, as far as it could be read.</summary>
public sealed class HostCapabilitiesTests
{
    [Fact]
    public void Capabilities_of_the_recorded_functions_are_those_lspci_would_show()
    {
        Dictionary<string, HostCapabilities> found = HostReader.Read(TestHosts.Board(TestHosts.Virt)).Functions.ToDictionary(static function => function.Address.ToString(), HostCapabilities.Read);

        HostCapabilities igb = found["0000:00:01.0"];
        Assert.Equal((10, 3, 0u, 3, 0x2000u), (igb.MsiX!.Vectors, igb.MsiX.TableBar, igb.MsiX.TableOffset, igb.MsiX.PendingBar, igb.MsiX.PendingOffset));
        Assert.Equal((1, true, true), (igb.Msi!.Vectors, igb.Msi.Is64Bit, igb.Msi.HasMask));
        Assert.Equal(65, found["0000:00:02.0"].MsiX!.Vectors);
        Assert.Equal(16, found["0000:00:08.0"].Msi!.Vectors);

        Assert.Equal(PciExpressType.RootPort, found["0000:00:05.0"].ExpressType);
        Assert.Equal(AcsServices.Isolation, found["0000:00:05.0"].Acs!.Enabled & AcsServices.Isolation);
        Assert.True(found["0000:00:0a.0"] is { IsExtendedKnown: true, Acs: null, ExpressType: PciExpressType.RootPort });
        Assert.True(found["0000:00:03.0"] is { IsComplete: true, ExpressType: null, MsiX: null, Msi.Vectors: 1 });
    }

    [Theory]
    [InlineData(0, false, false)]
    [InlineData(64, false, false)]
    [InlineData(256, true, false)]
    [InlineData(4096, true, true)]
    public void What_could_not_be_read_is_not_known(int bytes, bool isKnown, bool isExtendedKnown)
    {
        HostFunction port = HostReader.Read(TestHosts.Board(TestHosts.Virt)).Functions.Single(static function => function.Address.ToString() == "0000:00:05.0");
        HostCapabilities found = HostCapabilities.Read(port.Config.Span[..bytes]);

        Assert.Equal((isKnown, isExtendedKnown), (found.IsKnown, found.IsExtendedKnown));
        Assert.Equal(isExtendedKnown, found.Acs is not null);
    }

    [Fact]
    public void A_function_without_a_list_is_known_from_its_header_alone()
    {
        Assert.True(HostCapabilities.Read(new byte[64]).IsComplete);
    }

    [Fact]
    public void A_list_that_loops_ends_and_is_not_known()
    {
        byte[] config = new byte[256];
        (config[6], config[0x34], config[0x40], config[0x41]) = (0x10, 0x40, 0x05, 0x40);

        HostCapabilities found = HostCapabilities.Read(config);
        Assert.False(found.IsKnown);
        Assert.NotNull(found.Msi);
    }

    [Fact]
    public void Any_bytes_are_read_without_failing()
    {
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] config = new byte[random.Next(3) switch { 0 => random.Next(300), 1 => 256, _ => 4096 }];
            random.NextBytes(config.AsSpan(0, Math.Min(config.Length, 512)));
            if (config.Length > 7)
            {
                config[6] |= 0x10;
            }

            HostCapabilities found = HostCapabilities.Read(config);
            Assert.True(found.MsiX is null or { Vectors: >= 1 and <= 2048 });
            HostMask.Config(config);
        }
    }
}
