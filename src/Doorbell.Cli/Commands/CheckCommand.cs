using System.CommandLine;
using Doorbell.Checks;
using Doorbell.Checks.Guests;
using Doorbell.Cli.Check;
using Doorbell.Cli.Explain;
using Doorbell.Hosts;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell check</c>.</summary>
internal static class CheckCommand
{
    private const string Help =
        """
        Will PCI passthrough work on a machine, is it safe, and why (not)? For every device: can VFIO hand it over, what
        keeps it back, the way of its interrupts, its group, its reserved addresses. Nothing is guessed: what cannot be
        known from the source is said to be unknown, and what would tell.

        Usage:
          doorbell check [SOURCE...] [options]

        Arguments:
          SOURCE                        a capture (doorbell capture), a directory of one, a device tree (.dtb), a
                                        directory of ACPI tables, or a machine by name or .yaml (default: this machine)
                                        Several, or a directory of captures: a line or a
                                        JSON object each, and what they add up to

        Options:
          --guest LAYOUT                a guest's memory beside what the host keeps: a layout and its RAM, as in q35:8G or
                                        qemu-virt:4G,OPTION=VALUE, a layout's .yaml, or ranges 0xFIRST-0xLAST[,...]; may be
                                        repeated (docs/guests.md)
          --device BDF                  this device only, with all details; may be repeated
          --format FORMAT               text, json, sarif or markdown (default: text)
          --explain                     all details of every device
          --allow-unsafe-interrupts     judge as if the host had allow_unsafe_interrupts set

        The exit status is 0 when all devices asked for can be assigned, 1 when one cannot (or a guest could not start), 2 when it could not be told,
        and 125 for a wrong command line or a source that cannot be read. docs/check.md explains every verdict.
        """;

    private static readonly Argument<string[]> Sources = new("SOURCE") { Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> Devices = new("--device") { AllowMultipleArgumentsPerToken = false };
    private static readonly Option<string[]> Guests = new("--guest") { AllowMultipleArgumentsPerToken = false };
    private static readonly Option<string> Format = new("--format") { DefaultValueFactory = _ => "text" };
    private static readonly Option<bool> Explain = new("--explain");
    private static readonly Option<bool> AllowUnsafeInterrupts = new("--allow-unsafe-interrupts");

    public static Command Build()
    {
        var command = new Command("check") { HelpText.Option(Help), Sources, Devices, Guests, Format, Explain, AllowUnsafeInterrupts };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult result)
    {
        string[] sources = result.GetValue(Sources) ?? [];
        if (sources.FirstOrDefault(static source => source is ['-', ..]) is { } unknown)
        {
            return Wrong($"Unrecognized command or argument \"{unknown}\". See doorbell check --help.");
        }

        string format = result.GetValue(Format)!;
        if (format is not ("text" or "json" or "sarif" or "markdown"))
        {
            return Wrong($"--format: expected text, json, sarif or markdown, not \"{format}\".");
        }

        List<PciAddress> devices = [];
        foreach (string asked in result.GetValue(Devices) ?? [])
        {
            if (!PciAddress.TryParse(asked, out PciAddress address))
            {
                return Wrong($"--device: \"{asked}\" is not a PCI address: expected ssss:bb:dd.f in hexadecimal, as in 0000:01:00.0.");
            }

            devices.Add(address);
        }

        List<Guest> guests = [];
        foreach (string layout in result.GetValue(Guests) ?? [])
        {
            Result<Guest> guest = GuestLayouts.Parse(layout);
            if (!guest.IsOk)
            {
                return Wrong($"--guest: {guest.Reason}");
            }

            guests.Add(guest.Value);
        }

        var options = new CheckOptions { Devices = devices, AllowUnsafeInterrupts = result.GetValue(AllowUnsafeInterrupts) };
        if (sources.Length > 1 || sources is [var only] && CheckMany.IsFolder(only))
        {
            return RunMany(sources, format, options, guests);
        }

        Result<HostFacts> facts = CheckSource.Read(sources.FirstOrDefault());
        if (!facts.IsOk)
        {
            return Wrong(facts.Reason);
        }

        foreach (PciAddress address in devices.Where(_ => facts.Value.Functions.Count > 0))
        {
            if (facts.Value.Functions.FirstOrDefault(function => function.Address == address) is not { } function)
            {
                return Wrong($"--device {address}: {facts.Value.Name} has no such function.");
            }

            if (function.IsBridge)
            {
                return Wrong($"--device {address}: it is a bridge, which VFIO does not hand over.");
            }
        }

        CheckOutcome outcome = Judge(facts.Value, options, guests);
        Print(outcome, format, result.GetValue(Explain) || devices.Count > 0);
        return outcome.Status;
    }

    private static int RunMany(string[] sources, string format, CheckOptions options, List<Guest> guests)
    {
        if (options.Devices.Count > 0)
        {
            return Wrong("--device is of one source, and there are several.");
        }

        return format is "text" or "json"
            ? new CheckMany(host => Judge(host, options, guests), format == "json").Run(CheckMany.Expand(sources))
            : Wrong($"--format {format} is of one source: expected text or json with several.");
    }

    private static CheckOutcome Judge(HostFacts host, CheckOptions options, List<Guest> guests)
    {
        CheckReport report = PassthroughCheck.Judge(host, options);
        return new CheckOutcome(report, [.. guests.SelectMany(guest => GuestLayouts.Check(guest, host, report))]);
    }

    private static void Print(CheckOutcome outcome, string format, bool isDetailed)
    {
        if (format is "json" or "sarif")
        {
            using Stream output = Console.OpenStandardOutput();
            if (format == "json")
            {
                CheckJson.Print(output, outcome);
            }
            else
            {
                CheckSarif.Print(output, outcome, CommandTree.Version);
            }
        }
        else if (format == "markdown")
        {
            CheckMarkdown.Print(Console.Out, outcome, isDetailed);
        }
        else
        {
            new CheckText(TextAccount.CreateConsole()).Print(outcome, isDetailed);
        }
    }

    // Not the status of a wrong command line elsewhere, which here means that nothing could be told.
    private static int Wrong(string sentence) => Complaint.Own(sentence);
}
