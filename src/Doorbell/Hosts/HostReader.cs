using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>Reads what is known of a Linux host out of its files. Nothing in them makes it fail: what is missing, not permitted or malformed is among <see cref="HostFacts.Unknown"/>.</summary>
public static class HostReader
{
    /// <summary>Reads it.</summary>
    /// <param name="files">The host's files.</param>
    /// <param name="readFirmware">Makes what firmware says of <see cref="HostPaths.DeviceTree"/> or <see cref="HostPaths.AcpiTables"/>; null where neither can be used.</param>
    public static HostFacts Read(IHostFiles files, Func<IHostFiles, IFirmware?>? readFirmware = null)
    {
        var reading = new HostReading(files);
        IFirmware? firmware = readFirmware?.Invoke(files);
        HostKernel kernel = HostKernelReader.Read(reading);
        MachineArchitecture? architecture = HostArchitectureReader.Read(reading, kernel) ?? firmware?.Architecture;
        if (architecture is null)
        {
            reading.Miss("which instruction set it has", HostPaths.Architecture, HostRemedies.CaptureAgain);
        }

        kernel = kernel with { PageSize = HostPageSize.Read(reading, kernel, architecture) };
        IReadOnlyList<HostFunction> functions = HostFunctionReader.Read(reading, kernel);
        IReadOnlyList<HostGroup>? groups = HostGroupReader.Read(reading, kernel, architecture, functions);
        if (firmware is null)
        {
            MissFirmware(reading);
        }

        return new HostFacts
        {
            Name = files.Name,
            Architecture = architecture,
            IsRunning = files.StatusOf(HostPaths.PciDevices) == HostFileStatus.Read || groups is not null,
            Functions = WithGroups(functions, groups),
            Groups = groups,
            Kernel = kernel,
            Firmware = firmware,
            Unknown = reading.Unknown,
        };
    }

    // A function's link and its group's list are two sides of one thing: where the link was left out, the list says it.
    private static IReadOnlyList<HostFunction> WithGroups(IReadOnlyList<HostFunction> functions, IReadOnlyList<HostGroup>? groups)
    {
        if (groups is null || functions.All(static function => function.Group is not null))
        {
            return functions;
        }

        var numbers = new Dictionary<PciAddress, int>();
        foreach (HostGroup group in groups)
        {
            foreach (PciAddress member in group.Members)
            {
                numbers.TryAdd(member, group.Number);
            }
        }

        return [.. functions.Select(function => function.Group is null && numbers.TryGetValue(function.Address, out int number) ? function with { Group = number } : function)];
    }

    private static void MissFirmware(HostReading reading)
    {
        const string What = "what the firmware says of IOMMUs, MSI controllers and who goes where";
        HostFileStatus tree = reading.Files.StatusOf(HostPaths.DeviceTree), tables = reading.Files.StatusOf(HostPaths.AcpiTables);
        if (tree != HostFileStatus.Missing)
        {
            reading.Miss(What, HostPaths.DeviceTree, HostReading.RemedyFor(tree, "a device tree that can be read"));
        }
        else if (tables != HostFileStatus.Missing)
        {
            // The directory is everyone's, its tables are root's.
            bool isPermitted = reading.Files.List(HostPaths.AcpiTables).All(name => reading.Files.StatusOf($"{HostPaths.AcpiTables}/{name}") != HostFileStatus.NotPermitted);
            reading.Miss(What, HostPaths.AcpiTables, HostReading.RemedyFor(isPermitted ? tables : HostFileStatus.NotPermitted, "tables that can be read"));
        }
        else
        {
            reading.Miss(What, HostPaths.AcpiTables, "a capture of a host with ACPI tables or a flattened device tree");
        }
    }
}
