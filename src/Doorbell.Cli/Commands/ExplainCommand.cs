using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Doorbell.Machines;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell explain</c>.</summary>
internal static class ExplainCommand
{
    private const string Help =
        """
        Takes a device of a machine through its whole life and gives an account of every step: assign, map memory, arm
        MSI-X vectors, raise each, move one to another CPU, disarm, close. Nothing of it is told by rote: it is what the
        engine behind doorbell run did.

        Usage:
          doorbell explain [MACHINE] [options]

        Arguments:
          MACHINE                       a name out of doorbell machines, or a path that ends in .yaml (default: virt-gicv3)

        Options:
          --device BDF[=MODEL[,KEY=VALUE...]]
                                        which device (default: a pci-test in the machine's first free slot)
          --vectors N                   how many vectors to arm (default: 4)
          --allow-unsafe-interrupts     hand the device over although nothing checks who writes an MSI
          --json                        the events and the verdict as JSON, one object a line

        The exit status is 0 when every MSI arrived where it was armed and nothing was left behind, or the device was
        rightly refused; 1 otherwise; 2 for a wrong command line.
        """;

    private static readonly Argument<string> Machine = new("MACHINE") { DefaultValueFactory = _ => "virt-gicv3" };
    private static readonly Option<string?> Device = new("--device");
    private static readonly Option<int> Vectors = new("--vectors") { DefaultValueFactory = _ => 4, CustomParser = ParseVectors };
    private static readonly Option<bool> AllowUnsafeInterrupts = new("--allow-unsafe-interrupts");
    private static readonly Option<bool> Json = new("--json");

    public static Command Build()
    {
        var command = new Command("explain") { HelpText.Option(Help), Machine, Device, Vectors, AllowUnsafeInterrupts, Json };
        command.SetAction(Run);
        return command;
    }

    private static int ParseVectors(ArgumentResult argument)
    {
        string text = argument.Tokens.Single().Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int vectors) && vectors is >= 1 and <= 2048)
        {
            return vectors;
        }

        argument.AddError($"--vectors: expected a number from 1 to 2048, not \"{text}\".");
        return 0;
    }

    private static int Run(ParseResult result)
    {
        Result<MachineDescription> machine = MachineFiles.Load(result.GetValue(Machine)!);
        return machine.IsOk ? ExitCode.Success : Complaint.Usage(machine.Reason);
    }
}
