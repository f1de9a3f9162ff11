using System.Text.Json;
using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Spectre.Console;

namespace Doorbell.Cli.Check;

/// <summary>Several sources in one call, one after the other: a line or a JSON object each, then what they add up to. None is kept after its line.</summary>
internal sealed class CheckMany
{
    private readonly Func<HostFacts, CheckOutcome> _judge;
    private readonly bool _asJson;
    private readonly Dictionary<CheckVerdict, int> _functions = [];
    private readonly Dictionary<CheckVerdict, int> _sources = [];
    private int _unreadable;

    /// <param name="judge">Gives the verdict on a source.</param>
    /// <param name="asJson">A JSON object a line, as one source has it, and one with the totals.</param>
    public CheckMany(Func<HostFacts, CheckOutcome> judge, bool asJson)
    {
        _judge = judge;
        _asJson = asJson;
    }

    /// <summary>True where one source stands for several: a directory with captures in it, which is no host's tree itself.</summary>
    public static bool IsFolder(string source) => Directory.Exists(source) && !HostSource.IsHost(source) && Captures(source).Any();

    /// <summary>The sources in their order, folders replaced by the captures in them.</summary>
    public static IReadOnlyList<string> Expand(IEnumerable<string> sources) =>
        [.. sources.SelectMany(static IEnumerable<string> (source) => IsFolder(source) ? Captures(source).Order(StringComparer.Ordinal) : [source])];

    /// <summary>Reads and judges each; the exit status is the worst of them: unreadable, not assignable, not known, assignable.</summary>
    public int Run(IReadOnlyList<string> sources)
    {
        using Stream output = Console.OpenStandardOutput();
        using var buffered = new BufferedStream(output, 1 << 16);
        if (Console.IsErrorRedirected || !Console.IsOutputRedirected)
        {
            All(sources, buffered, static () => { });
        }
        else
        {
            // Lines go somewhere else, so that a person sees only this.
            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            console.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn()).Start(context =>
            {
                ProgressTask task = context.AddTask($"{sources.Count} sources", maxValue: sources.Count);
                All(sources, buffered, () => task.Increment(1));
            });
        }

        return Status;
    }

    private int Status =>
        _unreadable > 0 ? ExitCode.OwnFailure
        : _sources.ContainsKey(CheckVerdict.NotAssignable) ? ExitCode.Failure
        : _sources.ContainsKey(CheckVerdict.Unknown) ? ExitCode.NotKnown
        : ExitCode.Success;

    private void All(IReadOnlyList<string> sources, Stream output, Action step)
    {
        foreach (string source in sources)
        {
            One(source, output);
            step();
        }

        Totals(sources.Count, output);
        output.Flush();
    }

    private void One(string source, Stream output)
    {
        Result<HostFacts> facts = CheckSource.Read(source);
        if (!facts.IsOk)
        {
            _unreadable++;
            Complaint.Own(facts.Reason);
            return;
        }

        CheckOutcome outcome = _judge(facts.Value);
        Count(_sources, outcome.Verdict);
        foreach (FunctionCheck check in outcome.Report.Functions)
        {
            Count(_functions, check.Verdict);
        }

        if (_asJson)
        {
            CheckJson.Print(output, outcome, indented: false);
        }
        else
        {
            Write(output, LineOf(source, outcome));
        }
    }

    // How many devices of a host, and what keeps most of the others back.
    private static string LineOf(string source, CheckOutcome outcome)
    {
        Dictionary<CheckVerdict, int> counts = [];
        foreach (FunctionCheck check in outcome.Report.Functions)
        {
            Count(counts, check.Verdict);
        }

        string line = $"{source}: {CheckWords.Of(outcome.Verdict)}; {Described(counts)}";
        string? most = outcome.Report.Functions
            .Where(static check => check.Verdict != CheckVerdict.Assignable)
            .SelectMany(static check => check.Reasons.Take(1))
            .GroupBy(static reason => reason.Brief, StringComparer.Ordinal)
            .OrderByDescending(static reasons => reasons.Count())
            .ThenBy(static reasons => reasons.Key, StringComparer.Ordinal)
            .FirstOrDefault()?.Key;
        GuestFinding? guest = outcome.Guests.FirstOrDefault(static finding => !finding.Fits);
        return line + (most is null ? "" : $"; most often: {most}") + (guest is null ? "" : $"; guest {guest.Guest} collides");
    }

    private void Totals(int count, Stream output)
    {
        if (_asJson)
        {
            using (var writer = new Utf8JsonWriter(output))
            {
                writer.WriteStartObject();
                writer.WriteStartObject("totals");
                writer.WriteNumber("sources", count);
                writer.WriteNumber("unreadable", _unreadable);
                Numbers(writer, "verdicts", _sources);
                Numbers(writer, "functions", _functions);
                writer.WriteEndObject();
                writer.WriteEndObject();
            }

            output.WriteByte((byte)'\n');
        }
        else
        {
            Write(output, $"{count} sources, {_unreadable} of them not readable; {Described(_functions)}");
        }
    }

    private static void Numbers(Utf8JsonWriter writer, string name, Dictionary<CheckVerdict, int> counts)
    {
        writer.WriteStartObject(name);
        foreach (CheckVerdict verdict in (ReadOnlySpan<CheckVerdict>)[CheckVerdict.Assignable, CheckVerdict.NotAssignable, CheckVerdict.Unknown])
        {
            writer.WriteNumber(CheckWords.Key(verdict), Of(counts, verdict));
        }

        writer.WriteEndObject();
    }

    private static string Described(Dictionary<CheckVerdict, int> counts) =>
        $"{Of(counts, CheckVerdict.Assignable)} devices assignable, {Of(counts, CheckVerdict.NotAssignable)} not, {Of(counts, CheckVerdict.Unknown)} not known";

    private static int Of(Dictionary<CheckVerdict, int> counts, CheckVerdict verdict) => counts.GetValueOrDefault(verdict);

    private static void Count(Dictionary<CheckVerdict, int> counts, CheckVerdict verdict) => counts[verdict] = counts.GetValueOrDefault(verdict) + 1;

    private static void Write(Stream output, string line)
    {
        output.Write(System.Text.Encoding.UTF8.GetBytes(line));
        output.WriteByte((byte)'\n');
    }

    private static IEnumerable<string> Captures(string folder) => Directory.EnumerateFiles(folder)
        .Where(static file => file.EndsWith(".tar", StringComparison.Ordinal) || file.EndsWith(".tar.gz", StringComparison.Ordinal) || file.EndsWith(".tgz", StringComparison.Ordinal));
}
