using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;

namespace Doorbell.Cli.Commands;

/// <summary>The command line as a whole.</summary>
internal static class CommandTree
{
    private const string Help =
        """
        doorbell: a PCIe/MSI passthrough host in an ordinary process.

        It builds a described machine, ARM64 or x86 - PCIe topology, IOMMU, MSI controller, devices - and offers its
        devices through VFIO to unmodified Linux programs. No root, no hardware, no kernel module.

        Usage:
          doorbell check [SOURCE] [options]            will passthrough work on a machine, is it safe, and why (not)
          doorbell explain [MACHINE] [options]         what happens to an MSI on a machine, step by step
          doorbell run [options] -- PROGRAM [ARG...]   run a program that finds the machine's devices in /dev/vfio
          doorbell machines [MACHINE]                  the machines there are, or what one has
          doorbell machines --scan FOLDER              what of a folder's device trees loads, and what is safe there
          doorbell capture -o FILE                     what decides about passthrough on this machine, as one file
          doorbell compare CAPTURE RESULT              a VFIO host's answers beside those of a real Linux
          doorbell --version
          doorbell COMMAND --help

        Begin with:
          doorbell check
          doorbell explain virt-gicv3
          doorbell explain amd-overdrive
        """;

    public static int Invoke(IReadOnlyList<string> args) => Invoke(Build(), args, "doorbell");

    /// <summary>Parses and runs; what is wrong with the command line is one sentence.</summary>
    public static int Invoke(Command command, IReadOnlyList<string> args, string name)
    {
        // Arguments that begin with @ are arguments, not files of them.
        ParseResult result = command.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Action is not HelpText && result.Errors is [ParseError error, ..])
        {
            string help = result.CommandResult.Command == command ? name : $"{name} {result.CommandResult.Command.Name}";
            string sentence = $"{Sentence(error.Message)} See {help} --help.";
            return result.CommandResult.Command.Name == "check" ? Complaint.Own(sentence) : Complaint.Usage(sentence);
        }

        return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private static Command Build()
    {
        var version = new Option<bool>("--version");
        var root = new Command("doorbell") { HelpText.Option(Help), version, CaptureCommand.Build(), CheckCommand.Build(), CompareCommand.Build(), ExplainCommand.Build(), MachinesCommand.Build(), RunCommand.Build() };
        root.SetAction(result =>
        {
            Console.Out.WriteLine(result.GetValue(version) ? $"doorbell {Version}" : Help);
            return result.GetValue(version) ? ExitCode.Success : ExitCode.Usage;
        });
        return root;
    }

    internal static string Version =>
        typeof(CommandTree).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    private static string Sentence(string message)
    {
        string text = message.ReplaceLineEndings(" ").Trim().Replace('\'', '"');
        return text.EndsWith('.') ? text : text + ".";
    }
}
