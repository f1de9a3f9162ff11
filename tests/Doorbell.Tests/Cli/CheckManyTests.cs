using System.Text.Json;
using Doorbell.Tests.Hosts;

namespace Doorbell.Tests.Cli;

/// <summary><c>doorbell check</c> with several sources, and with a directory of captures.</summary>
public class CheckManyTests
{
    private const int Captures = 12;

    [Fact]
    public void A_directory_of_captures_gives_a_line_for_each_and_what_they_add_up_to()
    {
        using var folder = new CaptureFolder(Captures);

        (int status, string output, string errors) = Command.Run("check", folder.Path);

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((Captures + 1, ""), (lines.Length, errors));
        for (int i = 0; i < Captures; i++)
        {
            Assert.StartsWith(Path.Combine(folder.Path, $"host-{i:d2}.tar.gz: "), lines[i], StringComparison.Ordinal);
        }

        Assert.StartsWith($"{Captures} sources, 0 of them not readable; ", lines[^1], StringComparison.Ordinal);
        Assert.Equal(1, status);
    }

    [Fact]
    public void As_JSON_each_is_the_object_it_is_alone_on_one_line()
    {
        using var folder = new CaptureFolder(3);
        string[] files = [.. Directory.EnumerateFiles(folder.Path).Order(StringComparer.Ordinal)];

        (int _, string output, string _) = Command.Run(["check", "--format", "json", .. files]);

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(files.Length + 1, lines.Length);
        int functions = 0;
        for (int i = 0; i < files.Length; i++)
        {
            (int _, string alone, string _) = Command.Run("check", "--format", "json", files[i]);
            using JsonDocument one = JsonDocument.Parse(alone), line = JsonDocument.Parse(lines[i]);
            Assert.True(JsonElement.DeepEquals(one.RootElement, line.RootElement), files[i]);
            functions += line.RootElement.GetProperty("functions").GetArrayLength();
        }

        using JsonDocument last = JsonDocument.Parse(lines[^1]);
        JsonElement totals = last.RootElement.GetProperty("totals");
        Assert.Equal(files.Length, totals.GetProperty("sources").GetInt32());
        Assert.Equal(functions, totals.GetProperty("functions").EnumerateObject().Sum(static count => count.Value.GetInt32()));
    }

    [Fact]
    public void One_that_cannot_be_read_is_said_and_the_others_are_judged()
    {
        using var folder = new CaptureFolder(2);
        File.WriteAllText(Path.Combine(folder.Path, "host-99.tar.gz"), "no capture");

        (int status, string output, string errors) = Command.Run("check", folder.Path);

        Assert.Equal((125, 3), (status, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
        Assert.Contains("host-99.tar.gz", errors, StringComparison.Ordinal);
        Assert.Contains("1 of them not readable", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--device", "0000:00:01.0")]
    [InlineData("--format", "sarif")]
    [InlineData("--format", "markdown")]
    public void What_is_of_one_source_is_refused_with_several(string option, string value)
    {
        (int status, string output, string errors) = Command.Run("check", option, value, "virt-gicv3", "q35-intel-ir");

        Assert.Equal((125, ""), (status, output));
        Assert.Contains("several", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Machines_by_name_are_sources_like_any_other()
    {
        (int status, string output, string _) = Command.Run("check", "virt-gicv3", "virt-gicv2m");

        Assert.Equal((1, 3), (status, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
    }

    private sealed class CaptureFolder : IDisposable
    {
        private static readonly SynthesisedHosts Hosts = new(Directory.EnumerateDirectories(System.IO.Path.Combine(AppContext.BaseDirectory, "Captures", "data")).Order(StringComparer.Ordinal));

        public CaptureFolder(int count)
        {
            for (int seed = 0; seed < count; seed++)
            {
                File.WriteAllBytes(System.IO.Path.Combine(Path, $"host-{seed:d2}.tar.gz"), Hosts.Capture(seed));
            }
        }

        public string Path { get; } = Directory.CreateTempSubdirectory("doorbell-check-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
