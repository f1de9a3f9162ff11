using System.CommandLine;
using Doorbell.Machines;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell machines</c>.</summary>
internal static class MachinesCommand
{
    private const string Help =
        """
        Lists the machines that come with doorbell, one a line: its name and what it is.

        Usage:
          doorbell machines

        A machine is one YAML file in the folder machines beside the program; docs/machines.md describes every key.
        Wherever a machine's name is asked for, a path that ends in .yaml works as well.
        """;

    public static Command Build()
    {
        var command = new Command("machines") { HelpText.Option(Help) };
        command.SetAction(_ => List());
        return command;
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
