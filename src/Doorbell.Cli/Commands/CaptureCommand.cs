using System.CommandLine;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell capture</c>.</summary>
internal static class CaptureCommand
{
    private const string Help =
        """
        Writes what decides about passthrough on this machine into one file, for a bug report or another machine: PCI
        functions, IOMMU groups, interrupt domains, the kernel's configuration and parameters, the firmware's tables.

        Usage:
          doorbell capture [SOURCE] -o FILE

        Arguments:
          SOURCE                        another capture, or a directory that one was unpacked to, to mask what it has
                                        (default: this machine)

        Options:
          -o, --output FILE             a tar; gzip where FILE ends in .gz or .tgz; - is standard output

        Serial numbers and MAC addresses are zeroed, and of the kernel's command line only parameters about devices are
        kept; docs/capture.md lists every file and what is masked in it, and has a script that makes the same without
        doorbell. As an ordinary user less can be read: what is missing is printed, and listed in the capture.

        The exit status is 0 for a capture, however little could be read; 1 where FILE cannot be written; 2 for a wrong
        command line.
        """;

    private static readonly Argument<string?> Source = new("SOURCE") { Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> Output = new("--output", "-o");

    public static Command Build()
    {
        var command = new Command("capture") { HelpText.Option(Help), Source, Output };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        string? source = result.GetValue(Source);
        if (source is ['-', ..])
        {
            return Complaint.UnknownOption(source, "capture");
        }

        if (result.GetValue(Output) is not { Length: > 0 } output)
        {
            return Complaint.Usage("expected -o and a file to write. See doorbell capture --help.");
        }

        Result<IHostFiles> files = HostSource.Open(source);
        if (!files.IsOk)
        {
            return Complaint.Usage(files.Reason);
        }

        Result<HostCaptureSummary> written = Write(files.Value, output);
        if (!written.IsOk)
        {
            return Complaint.Output(written.Reason);
        }

        Summarise(files.Value, output, written.Value);
        return ExitCode.Success;
    }

    private static Result<HostCaptureSummary> Write(IHostFiles files, string output)
    {
        if (output == "-")
        {
            using Stream standard = Console.OpenStandardOutput();
            return HostCapture.Write(files, standard, compress: false);
        }

        bool compress = output.EndsWith(".gz", StringComparison.Ordinal) || output.EndsWith(".tgz", StringComparison.Ordinal);
        try
        {
            using FileStream file = new(output, FileMode.Create, FileAccess.Write);
            return HostCapture.Write(files, file, compress);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EIO, failure.Message);
        }
    }

    private static void Summarise(IHostFiles files, string output, HostCaptureSummary written)
    {
        HostFacts facts = HostReader.Read(files);
        string groups = facts.Groups is null ? "IOMMU groups not known" : Count(facts.Groups.Count, "IOMMU group");
        Console.Error.WriteLine($"doorbell: {(output == "-" ? "standard output" : output)} has {Count(written.Entries, "file")} of {files.Name}: {Count(facts.Functions.Count, "PCI function")}, {groups}.");
        foreach (HostUnknown unknown in facts.Unknown.Where(unknown => unknown.Remedy != HostRemedies.RunAsRoot && !IsFirmware(unknown)))
        {
            Console.Error.WriteLine($"  not in it: {unknown.What} ({unknown.Evidence}); what would tell: {unknown.Remedy}");
        }

        List<string> roots = [.. facts.Unknown.Where(static unknown => unknown.Remedy == HostRemedies.RunAsRoot && !IsFirmware(unknown)).Select(static unknown => unknown.What)];
        foreach (IGrouping<string, string> folder in written.Unread.Where(static unread => unread.Value == HostFileStatus.NotPermitted && unread.Key.StartsWith("/sys/firmware/", StringComparison.Ordinal))
            .Select(static unread => unread.Key).GroupBy(static path => path[..path.LastIndexOf('/')]))
        {
            roots.Add($"{folder.Key}: {string.Join(", ", folder.Select(static path => path[(path.LastIndexOf('/') + 1)..]))}");
        }

        foreach (string root in roots)
        {
            Console.Error.WriteLine($"  root would add: {root}");
        }

        foreach ((string path, _) in written.Unread.Where(static unread => unread.Value == HostFileStatus.Failed))
        {
            Console.Error.WriteLine($"  could not be read, or not be masked: {path}");
        }
    }

    // No firmware is read here: its files are in the capture or among those that are not.
    private static bool IsFirmware(HostUnknown unknown) => unknown.Evidence.File.StartsWith("/sys/firmware/", StringComparison.Ordinal);

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";
}
