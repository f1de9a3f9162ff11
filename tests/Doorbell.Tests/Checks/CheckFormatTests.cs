using System.Text.Json;
using Doorbell.Checks;
using Doorbell.Cli.Check;
using Doorbell.Hosts;

namespace Doorbell.Tests.Checks;

public class CheckFormatTests
{
    public static TheoryData<string> Ids => [.. ReasonKinds.All.Select(kind => kind.Id)];

    [Fact]
    public void A_server_in_lines_a_person_reads()
    {
        HostFacts facts = CheckHosts.With("group-not-viable").Facts;
        Assert.Equal(
            """
            server: arm64, Linux 6.12.41-arm64; smmuv3@9050000 (SMMUv3); its@8080000 (GICv3 ITS), MSIs isolated; window 0x8000000-0x80fffff
            2 functions: none can be assigned.

              device         what                            group   verdict          because
              0000:01:00.0   Ethernet controller 15b3:101d   1       not assignable   its group has 0000:01:00.1 (ahci) on the host (V4)
              0000:01:00.1   SATA controller 15b3:101d       1       not assignable   its group has 0000:01:00.0 (mlx5_core) on the host (V4)

            --device BDF says everything of one device, --explain of all.

            """,
            CheckOutput.Text(PassthroughCheck.Judge(facts, new CheckOptions()), isDetailed: false, width: 200));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Of_every_reason_a_narrow_terminal_gets_lines_that_fit_and_a_program_gets_all_of_it(string id)
    {
        (HostFacts facts, CheckOptions options, _) = CheckHosts.With(id);
        CheckReport report = PassthroughCheck.Judge(facts, options);
        foreach (int width in new[] { 40, 80 })
        {
            string text = CheckOutput.Text(report, isDetailed: false, width);
            Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, width));
            Assert.Contains(CheckWords.Of(report.Functions[0]), text, StringComparison.Ordinal);
        }

        using JsonDocument json = Json(new CheckOutcome(report, []));
        JsonElement function = Assert.Single(json.RootElement.GetProperty("functions").EnumerateArray());
        Assert.Equal(CheckWords.Key(report.Verdict), json.RootElement.GetProperty("verdict").GetString());
        JsonElement reason = Assert.Single(function.GetProperty("reasons").EnumerateArray(), reason => reason.GetProperty("id").GetString() == id);
        Assert.Equal(report.Functions[0].Reasons.Single(reason => reason.Kind.Id == id).Sentence, reason.GetProperty("sentence").GetString());
    }

    [Fact]
    public void Four_thousand_functions_are_a_few_lines_and_every_one_of_them_is_in_the_JSON()
    {
        List<HostFunction> functions = [CheckHosts.Arm.Functions[0]];
        List<HostGroup> groups = [CheckHosts.Arm.Groups![0]];
        for (int i = 0; i < 4000; i++)
        {
            PciAddress address = new(0, (byte)(1 + (i >> 8)), (byte)((i >> 3) & 0x1f), (byte)(i & 7));
            functions.Add(CheckHosts.Function(address, i % 1000 == 0 ? "mlx5_core" : null, i == 3999 ? null : i + 1));
            groups.Add(CheckHosts.Group(i + 1, [address]));
        }

        CheckReport report = PassthroughCheck.Judge(CheckHosts.Arm with { Functions = functions, Groups = groups }, new CheckOptions());
        string text = CheckOutput.Text(report, isDetailed: false, width: 200);
        Assert.InRange(text.Split('\n').Length, 5, 12);
        Assert.Contains("4000 functions: 3999 can be assigned, 1 cannot.", text, StringComparison.Ordinal);
        Assert.Contains("0000:01:00.0 to 0000:10:13.6   3999 x Ethernet controller 15b3:101d   1-3999", text, StringComparison.Ordinal);
        Assert.Contains("0000:10:13.7", text, StringComparison.Ordinal);
        using JsonDocument json = Json(new CheckOutcome(report, []));
        Assert.Equal(4000, json.RootElement.GetProperty("functions").GetArrayLength());
    }

    [Fact]
    public void A_guest_that_cannot_start_is_said_and_decides()
    {
        CheckReport report = PassthroughCheck.Judge(CheckHosts.Arm, new CheckOptions());
        var outcome = new CheckOutcome(report, [new GuestFinding("q35:1G", [CheckHosts.Nic], false, [new GuestClash("N5", true, "guest RAM lies in the window", new Evidence("/sys/x"))], "less RAM.")]);
        Assert.Equal((CheckVerdict.Assignable, CheckVerdict.NotAssignable, 1), (report.Verdict, outcome.Verdict, outcome.Status));
        string text = CheckOutput.Text(report, isDetailed: false, guests: outcome.Guests);
        Assert.Contains("Guest q35:1G with 0000:01:00.0: it cannot start", text, StringComparison.Ordinal);
        Assert.Contains("Smallest change: less RAM.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void SARIF_has_what_its_schema_requires()
    {
        foreach (ReasonKind kind in ReasonKinds.All)
        {
            (HostFacts facts, CheckOptions options, _) = CheckHosts.With(kind.Id);
            CheckReport report = PassthroughCheck.Judge(facts, options);
            using var output = new MemoryStream();
            CheckSarif.Print(output, new CheckOutcome(report, [new GuestFinding("g", [CheckHosts.Nic], false, [new GuestClash("N5", true, "clash", null)], null)]), "1.0");
            using JsonDocument document = JsonDocument.Parse(output.ToArray());
            JsonElement root = document.RootElement;
            Assert.Equal("2.1.0", root.GetProperty("version").GetString());
            JsonElement run = Assert.Single(root.GetProperty("runs").EnumerateArray());
            JsonElement driver = run.GetProperty("tool").GetProperty("driver");
            Assert.NotEmpty(driver.GetProperty("name").GetString()!);
            List<JsonElement> rules = [.. driver.GetProperty("rules").EnumerateArray()];
            Assert.Equal(rules.Count, rules.DistinctBy(rule => rule.GetProperty("id").GetString()).Count());
            Assert.All(rules, rule => Assert.NotEmpty(rule.GetProperty("help").GetProperty("text").GetString()!));
            List<JsonElement> results = [.. run.GetProperty("results").EnumerateArray()];
            Assert.Equal(report.Functions.Sum(check => check.Reasons.Count) + 1, results.Count);
            Assert.Contains(results, result => result.GetProperty("ruleId").GetString() == kind.Id);
            Assert.All(results, result =>
            {
                Assert.Equal(result.GetProperty("ruleId").GetString(), rules[result.GetProperty("ruleIndex").GetInt32()].GetProperty("id").GetString());
                Assert.Contains(result.GetProperty("level").GetString(), new[] { "error", "warning", "note" });
                Assert.NotEmpty(result.GetProperty("message").GetProperty("text").GetString()!);
                foreach (JsonElement location in result.GetProperty("locations").EnumerateArray())
                {
                    JsonElement physical = location.GetProperty("physicalLocation");
                    Assert.True(Uri.IsWellFormedUriString(physical.GetProperty("artifactLocation").GetProperty("uri").GetString(), UriKind.RelativeOrAbsolute));
                    Assert.True(!physical.TryGetProperty("region", out JsonElement region) || region.EnumerateObject().All(field => field.Name is "startLine" or "byteOffset"));
                }
            });
        }
    }

    [Fact]
    public void Evidence_in_a_line_or_at_an_offset_is_a_SARIF_region()
    {
        CheckReport report = PassthroughCheck.Judge(CheckHosts.With("msi-isolation-unknown").Facts, new CheckOptions());
        using var output = new MemoryStream();
        CheckSarif.Print(output, new CheckOutcome(report, []), "1.0");
        using JsonDocument document = JsonDocument.Parse(output.ToArray());
        JsonElement result = document.RootElement.GetProperty("runs")[0].GetProperty("results").EnumerateArray().First();
        JsonElement physical = result.GetProperty("locations")[0].GetProperty("physicalLocation");
        Assert.Equal("file:///sys/firmware/acpi/tables/DMAR", physical.GetProperty("artifactLocation").GetProperty("uri").GetString());
        Assert.Equal(0x30, physical.GetProperty("region").GetProperty("byteOffset").GetInt32());
    }

    [Fact]
    public void Markdown_has_a_row_a_device_and_nothing_of_a_hosts_names_is_markup()
    {
        HostFacts facts = CheckHosts.With("msi-not-isolated").Facts with { Name = "a|b<script>*_" };
        using var output = new StringWriter();
        CheckMarkdown.Print(output, new CheckOutcome(PassthroughCheck.Judge(facts, new CheckOptions()), []), isAll: false);
        string text = output.ToString();
        Assert.Contains("### Passthrough on a\\|b&lt;script>\\*\\_", text, StringComparison.Ordinal);
        Assert.Contains("| 0000:01:00.0 | Ethernet controller 15b3:101d | 1 | ✘ not assignable | its MSIs are not isolated (V3) |", text, StringComparison.Ordinal);
        Assert.Contains("- `msi-not-isolated` (V3): Nothing checks who writes", text, StringComparison.Ordinal);
    }

    private static JsonDocument Json(CheckOutcome outcome)
    {
        using var output = new MemoryStream();
        CheckJson.Print(output, outcome);
        return JsonDocument.Parse(output.ToArray());
    }
}
