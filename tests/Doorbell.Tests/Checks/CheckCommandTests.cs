using System.Text.Json;
using Doorbell.Tests.Cli;

namespace Doorbell.Tests.Checks;

public class CheckCommandTests
{
    private static string Captures => Path.Combine(AppContext.BaseDirectory, "Captures", "data");

    [Theory]
    [InlineData(0, "virt-gicv3")]
    [InlineData(1, "amd-overdrive", "--format", "markdown")]
    [InlineData(0, "amd-overdrive", "--allow-unsafe-interrupts", "--explain")]
    [InlineData(1, "virt-gicv3", "--guest", "q35:1G", "--device", "01:00.0")]
    [InlineData(0, "virt-gicv3", "--guest", "qemu-virt:1G", "--format", "sarif")]
    public void The_exit_status_is_the_verdict(int expected, params string[] args)
    {
        (int status, string output, string error) = Command.Run(["check", .. args]);
        Assert.Equal((expected, ""), (status, error));
        Assert.NotEmpty(output);
    }

    [Fact]
    public void ACPI_tables_alone_cannot_tell_and_say_what_any_function_would_meet()
    {
        (int status, string output, string error) = Command.Run("check", Path.Combine(Captures, "virt-gicv3-its-smmuv3-acpi", "acpi"));
        Assert.Equal((2, ""), (status, error));
        Assert.Contains("buses 0000:00 to 04: SMMUv3 at 0x9050000 (SMMUv3); MSIs are isolated", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("expected text, json, sarif or markdown", "virt-gicv3", "--format", "xml")]
    [InlineData("is not a PCI address", "virt-gicv3", "--device", "1")]
    [InlineData("has no such function", "virt-gicv3", "--device", "0000:77:00.0")]
    [InlineData("it is a bridge", "virt-gicv3", "--device", "0000:00:05.0")]
    [InlineData("there is no machine", "no-such-machine")]
    [InlineData("Unrecognized command or argument", "--nonsense")]
    [InlineData("--device", "virt-gicv3", "--device")]
    [InlineData("--guest:", "virt-gicv3", "--guest", "no-such-layout:1G")]
    public void What_is_wrong_is_said_and_never_taken_for_an_answer(string says, params string[] args)
    {
        (int status, string output, string error) = Command.Run(["check", .. args]);
        Assert.Equal((125, ""), (status, output));
        Assert.Contains(says, error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_machine_the_tests_run_on_gets_an_answer_with_every_function_that_is_no_bridge()
    {
        (int status, string output, string error) = Command.Run("check", "--format", "json");
        Assert.InRange(status, 0, 2);
        Assert.Empty(error);
        using JsonDocument document = JsonDocument.Parse(output);
        Assert.True(document.RootElement.GetProperty("host").GetProperty("running").GetBoolean() || !Directory.Exists("/sys/bus/pci/devices"));
        string verdict = document.RootElement.GetProperty("verdict").GetString()!;
        Assert.Equal(status switch { 0 => "assignable", 1 => "not-assignable", _ => "unknown" }, verdict);
        Assert.All(document.RootElement.GetProperty("functions").EnumerateArray(), function => Assert.True(Directory.Exists($"/sys/bus/pci/devices/{function.GetProperty("address").GetString()}")));
    }
}
