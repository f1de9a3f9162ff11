using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Doorbell.Cli.Explain;
using Doorbell.Devices;
using Doorbell.Hosts;
using Doorbell.Linux;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;

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
          MACHINE                       a name out of doorbell machines, a path that ends in .yaml or .dtb, or a capture
                                        of a host, whose functions can be asked for (default: virt-gicv3)

        Options:
          --device BDF[=MODEL[,KEY=VALUE...]]
                                        which device (default: a pci-test in the machine's first free slot), as for
                                        doorbell run, but a disk is in memory: nvme,size=64M
          --vectors N                   how many vectors to arm (default: 4, or as many as the device has)
          --mapping-point WHEN          when a vector's doorbell is mapped (M8): alloc, as mainline does, or activate, as the
                                        series did (default: what goes with --uapi)
          --uapi UAPI                   mainline: the host keeps the window for doorbells; reserved-iova-v6: the user
                                        registers it, as in v6 of the kernel series (default: mainline)
          --allow-unsafe-interrupts     hand the device over although nothing checks who writes an MSI
          --json                        all of it for programs, one JSON object a line (docs/explain.md)

        The exit status is 0 when every MSI arrived where it was armed and nothing was left behind, or the device was
        rightly refused; 1 otherwise, a device that VFIO cannot offer included; 2 for a wrong command line.
        """;

    private const int DefaultVectors = 4;

    private static readonly Argument<string> MachineName = new("MACHINE") { DefaultValueFactory = _ => "virt-gicv3" };
    private static readonly Option<string?> Device = new("--device");
    private static readonly Option<int?> Vectors = new("--vectors") { CustomParser = ParseVectors };
    private static readonly Option<MappingPoint?> When = new("--mapping-point") { CustomParser = ParseMappingPoint };
    private static readonly Option<VfioUapi> Uapi = new("--uapi") { CustomParser = UapiOption.Parse };
    private static readonly Option<bool> AllowUnsafeInterrupts = new("--allow-unsafe-interrupts");
    private static readonly Option<bool> Json = new("--json");

    public static Command Build()
    {
        var command = new Command("explain") { HelpText.Option(Help), MachineName, Device, Vectors, When, Uapi, AllowUnsafeInterrupts, Json };
        command.SetAction(Run);
        return command;
    }

    private static int? ParseVectors(ArgumentResult argument)
    {
        string text = argument.Tokens.Single().Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int vectors) && vectors is >= 1 and <= 2048)
        {
            return vectors;
        }

        argument.AddError($"--vectors: expected a number from 1 to 2048, not \"{text}\".");
        return null;
    }

    private static MappingPoint? ParseMappingPoint(ArgumentResult argument)
    {
        string text = argument.Tokens.Single().Value;
        switch (text)
        {
            case "activate":
                return MappingPoint.Activate;
            case "alloc":
                return MappingPoint.Alloc;
            default:
                argument.AddError($"--mapping-point: expected activate or alloc, not \"{text}\".");
                return null;
        }
    }

    private static int Run(ParseResult result)
    {
        string name = result.GetValue(MachineName)!;
        if (name is ['-', ..])
        {
            return Complaint.UnknownOption(name, "explain");
        }

        Result<HostLab> lab = HostLabs.Load(name);
        if (!lab.IsOk)
        {
            return Complaint.Usage(lab.Reason);
        }

        MachineDescription description = lab.Value.Machine;

        int? asked = result.GetValue(Vectors);
        Result<(List<DeviceSpec> Devices, PciAddress Address)> chosen = Choose(lab.Value, result.GetValue(Device), asked ?? DefaultVectors);
        if (!chosen.IsOk)
        {
            return Complaint.Usage(chosen.Reason);
        }

        VfioUapi uapi = result.GetValue(Uapi);
        MappingPoint mappingPoint = result.GetValue(When) ?? (uapi == VfioUapi.ReservedIovaV6 ? MappingPoint.Activate : MappingPoint.Alloc);
        Result<Machine> machine = Build(lab.Value, chosen.Value.Devices, mappingPoint);
        if (!machine.IsOk)
        {
            return Complaint.Usage(machine.Reason.EndsWith('.') ? machine.Reason : machine.Reason + ".");
        }

        if (machine.Value.Find(chosen.Value.Address) is not { } device)
        {
            return Complaint.Usage($"{chosen.Value.Address} is no function of {description.Name}.");
        }

        MsiKind kind = device.MsiDevice.VectorLimit(MsiKind.MsiX) > 0 ? MsiKind.MsiX : MsiKind.Msi;
        int limit = device.MsiDevice.VectorLimit(kind);
        if (asked > limit)
        {
            return Complaint.Usage($"--vectors: {device.Name} has {limit} vectors, {asked} are asked for.");
        }

        WalkPlan plan = new()
        {
            Machine = machine.Value,
            Device = device,
            Kind = kind,
            Vectors = asked ?? Math.Min(DefaultVectors, limit),
            Options = new VfioOptions { AllowUnsafeInterrupts = result.GetValue(AllowUnsafeInterrupts), Uapi = uapi },
            MappingPoint = mappingPoint,
        };
        using IAccount account = result.GetValue(Json) ? new JsonAccount(Console.OpenStandardOutput(), machine.Value.Events, plan) : new TextAccount(plan, TextAccount.CreateConsole());
        using var walk = new Walk(plan, account);
        return walk.Run().IsGood ? ExitCode.Success : ExitCode.Failure;
    }

    private static Result<(List<DeviceSpec> Devices, PciAddress Address)> Choose(HostLab lab, string? asked, int vectors)
    {
        MachineDescription machine = lab.Machine;
        if (asked is not null && asked.Contains('=', StringComparison.Ordinal))
        {
            Result<List<DeviceSpec>> plugged = PluggedDevices.Parse(machine, [asked]);
            return plugged.IsOk ? (plugged.Value, plugged.Value[0].Address) : plugged.WithoutValue;
        }

        PciAddress address;
        if (asked is null)
        {
            if (lab.Functions.Count > 0)
            {
                return Result.Fail(Errno.EINVAL, $"{machine.Name} has what was found on it: expected --device and one of {string.Join(", ", lab.Functions.Where(static found => !found.Function.IsBridge).Select(static found => found.Address))}.");
            }

            if (machine.Slots.FirstOrDefault(slot => slot.Device is null) is not { } free)
            {
                if (!machine.Slots.Any())
                {
                    return Result.Fail(Errno.ENODEV, $"{machine.Name} has no slots to put a device into: expected some under pci-hosts[].slots (docs/machines.md).");
                }

                return Result.Fail(Errno.ENODEV, $"{machine.Name} has no free slot: expected --device and one of {string.Join(", ", machine.Slots.Select(slot => slot.Address))}.");
            }

            address = free.Address;
        }
        else if (!PciAddress.TryParse(asked, out address))
        {
            return Result.Fail(Errno.EINVAL, $"\"{asked}\" is not a PCI address: expected ssss:bb:dd.f in hexadecimal, as in 0000:01:00.0.");
        }

        // An address alone means what the machine has there, and in an empty slot a pci-test with as many vectors as are asked for.
        bool isFound = lab.Functions.Any(found => found.Address == address);
        bool isEmpty = !isFound && (!machine.TryFindSlot(address, out PciSlotDescription? slot) || slot.Device is null);
        string express = machine.TryFindHost(address, out PciHostDescription? host) && host.IsConventional(address) ? ",express=no" : "";
        Result<List<DeviceSpec>> devices = PluggedDevices.Parse(machine, isEmpty ? [string.Create(CultureInfo.InvariantCulture, $"{address}=pci-test,vectors={vectors}{express}")] : []);
        return devices.IsOk ? (devices.Value, address) : devices.WithoutValue;
    }

    private static Result<Machine> Build(HostLab lab, List<DeviceSpec> devices, MappingPoint mappingPoint)
    {
        var builder = new MachineBuilder(lab.Machine) { MappingPoint = mappingPoint };
        foreach (DeviceSpec spec in devices)
        {
            Result<PciDeviceModel> model = DeviceModels.Create(spec.Model, spec.Options, readFile: DeviceFiles.Read);
            Result plugged = model.IsOk ? builder.Plug(spec.Address, model.Value) : Result.Fail(model.Errno, $"{lab.Machine.OriginOf(spec)}: {model.Reason}");
            if (!plugged.IsOk)
            {
                return plugged;
            }
        }

        foreach (CapturedAt found in lab.Functions.Where(found => !devices.Exists(device => device.Address == found.Address)))
        {
            Result added = builder.Add(found);
            if (!added.IsOk)
            {
                return added;
            }
        }

        return builder.Build();
    }
}
