using System.CommandLine;
using Doorbell.Devices;
using Doorbell.Hosts;
using Doorbell.Linux;
using Doorbell.Machines;
using Doorbell.Vfio;

namespace Doorbell.Cli.Commands;

/// <summary><c>doorbell run</c>.</summary>
internal static class RunCommand
{
    private const string Help =
        """
        Runs a program that finds a described machine's devices in /dev/vfio and /sys.

        Usage:
          doorbell run [options] -- PROGRAM [ARG...]

        Options:
          --machine MACHINE             a name out of doorbell machines, a path that ends in .yaml or .dtb, or a capture of a
                                        host with everything that was found on it (default: virt-gicv3)
          --device BDF=MODEL[,KEY=VALUE...]
                                        plug a device into a slot; may be given several times. Models:
                                          nvme,file=PATH        an NVMe disk kept in PATH
                                          nvme,size=SIZE        an NVMe disk in memory
                                          nvme,file=PATH,file2=PATH,readonly=yes
                                                                two namespaces, only read
                                          pci-test[,vectors=N]  registers that raise MSIs and copy by DMA
                                          captured,config=FILE  a function out of its configuration space, no more
                                (docs/devices.md has every option)
          --functions FILE              what was found on the machine, one function a line with its configuration space:
                                        each is where it was, bridges too, and nothing else is (docs/machines.md)
          --driver BDF=NAME             who drives a device: vfio-pci, none, or a host driver, which keeps its whole
                                        group from being handed over; may be given several times (default: vfio-pci)
          --uapi UAPI                   mainline: the host keeps the window for doorbells; reserved-iova-v6: the program
                                        registers it, as in v6 of the kernel series (default: mainline)
          --allow-unsafe-interrupts     hand devices over although nothing checks who writes an MSI
          --trace FILE                  write every event of the machine to FILE: for ui.perfetto.dev where it ends in
                                        .perfetto-trace or .pftrace, else one JSON object a line; may be given several times
          --report FILE                 write to FILE what was refused, which interrupts were lost and where DMA faulted,
                                        by whom, by which rule and what to do: JSON where FILE ends in .json, JUnit where
                                        it ends in .xml; may be given several times (docs/report.md)

        Everything after -- is the program's own and reaches it as it is. The exit status is the program's; 125 where
        doorbell itself failed (a file of a device, a trace or a report that cannot be used included), 126 and 127 where
        the program could not be started, 2 for a wrong command line, a device's options included.

        Example:
          doorbell run --machine virt-gicv3 --device 0000:01:00.0=nvme,file=disk.img -- \
            qemu-system-aarch64 -M virt -cpu cortex-a76 -m 1G -kernel vmlinuz -device vfio-pci,host=0000:01:00.0
        """;

    private const string DefaultMachine = "virt-gicv3";

    private static readonly Option<string> Machine = new("--machine") { DefaultValueFactory = _ => DefaultMachine };
    private static readonly Option<string[]> Devices = new("--device") { DefaultValueFactory = _ => [], Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string?> Functions = new("--functions");
    private static readonly Option<string[]> Drivers = new("--driver") { DefaultValueFactory = _ => [], Arity = ArgumentArity.OneOrMore };
    private static readonly Option<VfioUapi> Uapi = new("--uapi") { CustomParser = UapiOption.Parse };
    private static readonly Option<bool> AllowUnsafeInterrupts = new("--allow-unsafe-interrupts");
    private static readonly Option<string[]> Trace = new("--trace") { DefaultValueFactory = _ => [], Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string[]> Report = new("--report") { DefaultValueFactory = _ => [], Arity = ArgumentArity.OneOrMore };

    /// <summary>Runs with the arguments after <c>run</c>: the parser sees what stands before <c>--</c> only.</summary>
    public static int Invoke(ReadOnlySpan<string> args)
    {
        int separator = args.IndexOf("--");
        string[] own = (separator < 0 ? args : args[..separator]).ToArray();
        string[] program = separator < 0 ? [] : args[(separator + 1)..].ToArray();
        return CommandTree.Invoke(Build(program), own, "doorbell run");
    }

    /// <summary>The command, for the tree's help and errors.</summary>
    public static Command Build() => Build([]);

    private static Command Build(string[] program)
    {
        var command = new Command("run") { HelpText.Option(Help), Machine, Devices, Functions, Drivers, Uapi, AllowUnsafeInterrupts, Trace, Report };
        command.SetAction(result => Run(result, program));
        return command;
    }

    private static int Run(ParseResult result, string[] program)
    {
        if (program is [] or ["", ..])
        {
            return Complaint.Usage("no program to run: expected -- and a program after the options. See doorbell run --help.");
        }

        Result<RunReports> reports = RunReports.Open(result.GetValue(Report)!, program);
        if (!reports.IsOk)
        {
            return reports.Errno == Errno.EINVAL ? Complaint.Usage(reports.Reason) : Complaint.Own(reports.Reason);
        }

        Result<RunOptions> options = Options(result, program, reports.Value);
        return options.IsOk ? Runner.Run(options.Value) : reports.Value.Fail(options.Reason, Complaint.Usage(options.Reason));
    }

    private static Result<RunOptions> Options(ParseResult result, string[] program, RunReports reports)
    {
        Result<HostLab> machine = HostLabs.Load(result.GetValue(Machine)!);
        if (!machine.IsOk)
        {
            return machine.WithoutValue;
        }

        Result<IReadOnlyList<CapturedAt>> functions = result.GetValue(Functions) is { } file ? FoundFunctions.Read(file) : Result.Of(machine.Value.Functions);
        if (!functions.IsOk)
        {
            return functions.WithoutValue;
        }

        MachineDescription description = machine.Value.Machine.WithFound(functions.Value);
        Result<List<DeviceSpec>> devices = PluggedDevices.Parse(description, result.GetValue(Devices)!);
        if (!devices.IsOk)
        {
            return devices.WithoutValue;
        }

        Result<IReadOnlyDictionary<PciAddress, string?>> drivers = BoundDrivers.Parse(result.GetValue(Drivers)!);
        if (!drivers.IsOk)
        {
            return drivers.WithoutValue;
        }

        return new RunOptions
        {
            Machine = description,
            Devices = devices.Value,
            Functions = functions.Value,
            Drivers = drivers.Value,
            Uapi = result.GetValue(Uapi),
            AllowUnsafeInterrupts = result.GetValue(AllowUnsafeInterrupts),
            TraceFiles = result.GetValue(Trace)!,
            Reports = reports,
            Command = program,
        };
    }
}
