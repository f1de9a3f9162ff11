using Doorbell.Devices;
using Doorbell.Pci;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Devices;

public class CapturedFunctionTests
{
    private static readonly ulong[] IgbSizes = [0x2_0000, 0x2_0000, 0x20, 0x4000];

    private static byte[] Igb => VirtCapture.Find("0000:01:00.0").Function.Config.ToArray();

    [Fact]
    public void What_was_running_starts_over()
    {
        byte[] bytes = Igb;
        bytes[PciHeader.Command] = 6;
        bytes[PciHeader.Status + 1] |= 0x30;
        bytes[0x44] |= 3;    // power management at 0x40: D3hot
        bytes[0x52] |= 1;    // MSI at 0x50: enabled, with a message
        bytes[0x54] = 0x40;
        bytes[0x73] |= 0xc0; // MSI-X at 0x70: enabled, masked
        Result<CapturedFunction> captured = CapturedFunction.Create("igb", bytes, IgbSizes);
        Assert.True(captured.IsOk, captured.Reason);
        Assert.Equal(Igb, captured.Value.Config.ToArray());
    }

    [Fact]
    public void A_bridge_goes_on_forwarding()
    {
        CapturedFunction port = VirtCapture.Find("0000:00:05.0").Function;
        Assert.True(port.IsBridge);
        Assert.Equal(7, port.Config.Span[PciHeader.Command] & 7);
    }

    [Theory]
    [InlineData(0x0e, 2, "not of header type 2")]
    [InlineData(0x73, 7, "the MSI-X table at 0x0 of BAR 3 (28832 bytes) lies in no memory BAR")]
    [InlineData(0x79, 0x40, "the MSI-X pending bits at 0x4000 of BAR 3 (8 bytes) lies in no memory BAR")]
    [InlineData(0x74, 5, "the MSI-X table at 0x0 of BAR 5 (160 bytes) lies in no memory BAR")]
    [InlineData(0x74, 2, "the MSI-X table at 0x0 of BAR 2 (160 bytes) lies in no memory BAR")]
    [InlineData(0x75, 0x40, "the MSI-X table at 0x4000 of BAR 3 (160 bytes) lies in no memory BAR")]
    public void Bytes_that_no_function_could_have_are_refused(int offset, byte value, string sentence)
    {
        byte[] bytes = Igb;
        bytes[offset] = value;
        Result<CapturedFunction> captured = CapturedFunction.Create("igb", bytes, IgbSizes);
        Assert.Equal(Errno.EINVAL, captured.Errno);
        Assert.Contains(sentence, captured.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_capability_that_sticks_out_of_configuration_space_is_refused()
    {
        byte[] bytes = Igb;
        bytes[0x51] = 0xfc;
        bytes[0xfc] = PciCapabilityId.MsiX;
        Result<CapturedFunction> captured = CapturedFunction.Create("igb", bytes, IgbSizes);
        Assert.Equal(Errno.EINVAL, captured.Errno);
        Assert.Contains("capability 0x11 at 0xfc ends beyond configuration space", captured.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_the_bytes_are_they_are_refused_or_become_a_function_that_works() => Prop.ForAll(
        ArbMap.Default.ArbFor<(NonNegativeInt Offset, byte Value)[]>(),
        changes =>
        {
            foreach (CapturedAt found in Templates)
            {
                byte[] bytes = found.Function.Config.ToArray();
                foreach ((NonNegativeInt offset, byte value) in changes)
                {
                    bytes[(offset.Get * 7) % 256] = value;
                }

                Result<CapturedFunction> captured = CapturedFunction.Create("it", bytes, IgbSizes);
                if (captured.IsOk && !captured.Value.IsBridge)
                {
                    var function = new PciFunction(found.Address, new CapturedDevice(captured.Value));
                    function.WriteConfig(0, new byte[64]);
                    function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);
                    function.RaiseMsi(0);
                    function.ResetFunction();
                    byte[] all = new byte[4096];
                    function.ReadConfig(0, all);
                }
            }
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("nothing", "capture:1: expected a JSON object.")]
    [InlineData("[]", "capture:1: expected an object with a PCI address under \"name\"")]
    [InlineData("{\"name\":\"00:00.0\"}", "capture:1: expected configuration space in hexadecimal under \"config\".")]
    [InlineData("{\"name\":\"00:00.0\",\"config\":\"abc\"}", "capture:1: expected configuration space in hexadecimal")]
    [InlineData("{\"name\":\"00:00.0\",\"config\":\"ab\",\"resource\":[\"0x1 0x0 0x200\"]}", "capture:1: expected under \"resource\" a list")]
    [InlineData("{\"name\":\"00:00.0\",\"config\":\"ab\",\"resource\":[]}", "capture:1: 0000:00:00.0: expected 256 or 4096 bytes of configuration space, not 1")]
    [InlineData("\n\n", "capture: expected a captured function")]
    public void A_capture_that_is_none_is_refused_with_its_line(string text, string sentence) =>
        Assert.StartsWith(sentence, PciCapture.Read("capture", text).Reason, StringComparison.Ordinal);

    [Fact]
    public void A_capture_has_each_function_once()
    {
        string line = VirtCapture.Text.Split('\n')[0];
        Assert.Equal("capture:2: 0000:00:00.0 is there already: expected each function once.", PciCapture.Read("capture", $"{line}\n{line}").Reason);
    }

    private static IReadOnlyList<CapturedAt> Templates { get; } = [VirtCapture.Find("0000:01:00.0"), VirtCapture.Find("0000:00:03.0"), VirtCapture.Find("0000:00:05.0")];
}
