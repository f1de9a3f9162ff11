using System.Text;
using System.Text.Json;
using Doorbell.Checks;
using Doorbell.Cli.Check;
using Doorbell.Hosts;
using Doorbell.Tests.Checks;
using Doorbell.Tests.Machines;

namespace Doorbell.Tests.Docs;

/// <summary>docs/check.md shows what the command prints. With DOORBELL_WRITE_DOCS=1 the tests write what they would compare.</summary>
public class CheckDocumentTests
{
    private const string Reasons = "<!-- reasons: written by CheckDocumentTests -->\n";
    private const string Examples = "<!-- examples: written by CheckDocumentTests -->\n";
    private const string End = "<!-- end -->\n";

    private static readonly bool s_writes = Environment.GetEnvironmentVariable("DOORBELL_WRITE_DOCS") == "1";

    [Fact]
    public void Every_reason_has_its_section_with_what_is_printed_of_a_host_that_has_it()
    {
        var text = new StringBuilder();
        foreach (ReasonKind kind in ReasonKinds.All)
        {
            (HostFacts facts, CheckOptions options, _) = CheckHosts.With(kind.Id);
            string printed = CheckOutput.Reason(CheckOutput.Text(PassthroughCheck.Judge(facts, options), isDetailed: true), kind.Id);
            text.Append($"\n### `{kind.Id}`\n\n{kind.Title} ({kind.Rule}; {Effect(kind.Severity)}). {kind.Help}\n\n```\n{printed.TrimEnd()}\n```\n");
        }

        Compare(Reasons, text.Append('\n').ToString());
    }

    [Fact]
    public void The_examples_are_what_is_printed()
    {
        string safe = CheckOutput.Text(PassthroughCheck.Judge(HostFacts.From(TestMachines.Load("virt-gicv3"), "virt-gicv3.yaml").Value, new CheckOptions { Devices = [new PciAddress(0, 1, 0, 0)] }), isDetailed: true);
        string refused = CheckOutput.Text(PassthroughCheck.Judge(HostFacts.From(TestMachines.Load("amd-overdrive"), "amd-overdrive.yaml").Value, new CheckOptions()), isDetailed: false, width: 130);
        string allowed = CheckOutput.Text(PassthroughCheck.Judge(HostFacts.From(TestMachines.Load("amd-overdrive"), "amd-overdrive.yaml").Value, new CheckOptions { AllowUnsafeInterrupts = true }), isDetailed: false, width: 130);
        (HostFacts unknown, CheckOptions options, _) = CheckHosts.With("msi-isolation-unknown");
        string notKnown = CheckOutput.Text(PassthroughCheck.Judge(unknown, new CheckOptions()), isDetailed: false, width: 130);
        Assert.NotEmpty(options.Devices);
        Compare(Examples, $"\n`assignable`: `doorbell check virt-gicv3 --device 01:00.0`\n\n```\n{safe.TrimEnd()}\n```\n\n`not assignable`: `doorbell check amd-overdrive`\n\n```\n{refused.TrimEnd()}\n```\n\n`assignable, UNSAFE`: `doorbell check amd-overdrive --allow-unsafe-interrupts`\n\n```\n{allowed.TrimEnd()}\n```\n\n`not known`: an Intel server whose /proc/interrupts was not read\n\n```\n{notKnown.TrimEnd()}\n```\n\n");
    }

    [Fact]
    public void Every_field_of_the_JSON_is_described()
    {
        (HostFacts facts, CheckOptions options, _) = CheckHosts.With("group-not-viable");
        using var output = new MemoryStream();
        CheckJson.Print(output, new CheckOutcome(PassthroughCheck.Judge(facts with { Unknown = [new HostUnknown("what", new Evidence("file"), "remedy")] }, options), [new GuestFinding("q35:1G", [CheckHosts.Nic], false, [new GuestClash("N5", true, "clash", new Evidence("file"))], null)]));
        using JsonDocument document = JsonDocument.Parse(output.ToArray());
        string text = File.ReadAllText(PathOf());
        Assert.All(Names(document.RootElement).Distinct(), name => Assert.Contains($"`{name}`", text, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Names(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(field => Names(field.Value).Prepend(field.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Names),
        _ => [],
    };

    private static string Effect(CheckSeverity severity) => severity switch
    {
        CheckSeverity.Blocks => "not assignable",
        CheckSeverity.Unknown => "not known",
        CheckSeverity.Unsafe => "assignable, UNSAFE",
        _ => "a note",
    };

    private static void Compare(string begin, string expected)
    {
        string document = File.ReadAllText(PathOf());
        int first = document.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        int end = document.IndexOf(End, first, StringComparison.Ordinal);
        Assert.True(first >= begin.Length && end >= first, $"docs/check.md has no {begin}");
        if (s_writes)
        {
            File.WriteAllText(PathOf(), document[..first] + expected + document[end..]);
            return;
        }

        Assert.Equal(expected, document[first..end]);
    }

    private static string PathOf()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Doorbell.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder ?? throw new InvalidOperationException("the tests are not run inside of the repository"), "docs", "check.md");
    }
}
