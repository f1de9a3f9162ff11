using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Doorbell.Cli.Compare;
using Doorbell.Linux;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell compare</c>.</summary>
internal static class CompareCommand
{
    private const string Help =
        """
        Compares what a VFIO host answered with what real Linux answered to the same calls, record by record.

        Usage:
          doorbell compare CAPTURE RESULT [options]

        Arguments:
          CAPTURE                       what Linux answered: JSON lines, perhaps packed with gzip
          RESULT                        what the other host answered, written by the same client (docs/fidelity.md)

        Options:
          --differences FILE            known differences and their reasons, "suites | records | fields | reason" a line;
                                        suites and records are regular expressions, fields n.a. for missing records
          --suite NAME                  what the file of differences calls this suite (default: CAPTURE's folder and name)
          --json                        one JSON object a record that does not agree, one a line, and one with the totals

        Each record agrees, differs or is not applicable (the other host has none, for a reason). Fields that two runs of
        one kernel differ in are left alone, and those that only a look from outside shows are named. The exit status is
        0 where nothing is unexplained, 1 where something is.
        """;

    private static readonly Argument<string> Capture = new("CAPTURE");
    private static readonly Argument<string> Answers = new("RESULT");
    private static readonly Option<string?> Differences = new("--differences");
    private static readonly Option<string?> Suite = new("--suite");
    private static readonly Option<bool> Json = new("--json");

    public static Command Build()
    {
        var command = new Command("compare") { HelpText.Option(Help), Capture, Answers, Differences, Suite, Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        string file = result.GetValue(Capture)!, answers = result.GetValue(Answers)!;
        if (file is ['-', ..] || answers is ['-', ..])
        {
            return Complaint.UnknownOption(file is ['-', ..] ? file : answers, "compare");
        }

        Result<IReadOnlyList<KnownDifference>> known = ReadDifferences(result.GetValue(Differences));
        if (!known.IsOk)
        {
            return Complaint.Usage(known.Reason);
        }

        Result<IReadOnlyList<JsonObject>> captured = CaptureFile.Read(file);
        Result<IReadOnlyList<JsonObject>> answered = captured.IsOk ? CaptureFile.Read(answers) : captured;
        if (!answered.IsOk)
        {
            return Complaint.Usage(answered.Reason);
        }

        var judged = new SuiteResult(result.GetValue(Suite) ?? CaptureFile.SuiteOf(file), Comparison.Of(captured.Value, answered.Value), known.Value);
        if (result.GetValue(Json))
        {
            using Stream output = Console.OpenStandardOutput();
            CompareJson.Print(output, judged);
        }
        else
        {
            CompareText.Print(Console.Out, judged);
        }

        return judged.Unexplained.Count == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    private static Result<IReadOnlyList<KnownDifference>> ReadDifferences(string? file)
    {
        if (file is null)
        {
            return Result.Of<IReadOnlyList<KnownDifference>>([]);
        }

        Result<byte[]> bytes = DeviceFiles.Read(file);
        return bytes.IsOk ? KnownDifference.Read(file, Encoding.UTF8.GetString(bytes.Value)) : bytes.WithoutValue;
    }
}
