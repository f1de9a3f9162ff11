using System.CommandLine;
using Doorbell.Cli.Explain;
using Doorbell.Cli.Machines;
using Doorbell.Machines;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell machines</c>.</summary>
internal static class MachinesCommand
{
    private const string Help =
        """
        Lists the machines that come with doorbell, one a line: its name and what it is. With a machine's name it says
        what that one has: PCI hosts, MSI controllers, IOMMUs, slots and their groups.

        Usage:
          doorbell machines
          doorbell machines MACHINE
          doorbell machines --scan FOLDER [--json]

        Arguments:
          MACHINE                       a name out of the list, or a path that ends in .yaml or .dtb

        Options:
          --scan FOLDER                 read every .dtb in FOLDER and below it: which load as machines, which are refused
                                        and why, and on which of them VFIO would hand a device over
          --json                        with --scan: one JSON object a device tree, one a line, and one with the totals

        A machine is one YAML file in the folder machines beside the program, or a board's device tree;
        docs/machines.md describes every key, and what of a device tree is read.
        """;

    private static readonly Argument<string?> MachineName = new("MACHINE") { Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> Scan = new("--scan");
    private static readonly Option<bool> Json = new("--json");

    public static Command Build()
    {
        var command = new Command("machines") { HelpText.Option(Help), MachineName, Scan, Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        string? name = result.GetValue(MachineName);
        if (name is ['-', ..])
        {
            return Complaint.UnknownOption(name, "machines");
        }

        string? folder = result.GetValue(Scan);
        if (result.GetValue(Json) && folder is null)
        {
            return Complaint.Usage("--json goes with --scan. See doorbell machines --help.");
        }

        if (name is not null && folder is not null)
        {
            return Complaint.Usage("expected a machine or --scan, not both. See doorbell machines --help.");
        }

        return folder is not null ? RunScan(folder, result.GetValue(Json)) : name is not null ? Show(name) : List();
    }

    private static int Show(string name)
    {
        Result<MachineDescription> machine = MachineFiles.Load(name);
        Result<MachineSurvey> survey = machine.IsOk ? MachineSurvey.Of(machine.Value) : machine.WithoutValue;
        if (!survey.IsOk)
        {
            return Complaint.Usage(survey.Reason.EndsWith('.') ? survey.Reason : survey.Reason + ".");
        }

        MachineSheet.Print(TextAccount.CreateConsole(), survey.Value);
        return ExitCode.Success;
    }

    private static int RunScan(string folder, bool asJson)
    {
        if (!Directory.Exists(folder))
        {
            return Complaint.Usage(File.Exists(folder) ? $"{folder} is a file: expected a folder." : $"there is no folder {folder}.");
        }

        var totals = new ScanTotals();
        var trees = new List<ScannedTree>();
        foreach (ScannedTree tree in ScannedTree.ReadAll(folder))
        {
            totals.Add(tree);
            trees.Add(tree);
        }

        if (asJson)
        {
            using Stream output = Console.OpenStandardOutput();
            ScanJson.Print(output, trees, totals);
        }
        else
        {
            ScanTable.Print(TextAccount.CreateConsole(), trees, totals);
        }

        return ExitCode.Success;
    }

    private static int List()
    {
        IReadOnlyList<string> names = MachineFiles.Names;
        int width = names.Count == 0 ? 0 : names.Max(name => name.Length);
        int status = ExitCode.Success;
        foreach (string name in names)
        {
            Result<MachineDescription> machine = MachineFiles.Load(name);
            if (machine.IsOk)
            {
                Console.Out.WriteLine($"{name.PadRight(width)}  {machine.Value.Title}");
            }
            else
            {
                status = Complaint.Usage(machine.Reason);
            }
        }

        return status;
    }
}
