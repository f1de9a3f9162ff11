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
            Functions = functions,
            Groups = groups,
            Kernel = kernel,
            Firmware = firmware,
            Unknown = reading.Unknown,
        };
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
