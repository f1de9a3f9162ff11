using Doorbell.Hosts;
using Doorbell.Hosts.Acpi;
using Doorbell.Linux;
using Doorbell.Linux.Hosts;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Pci;

namespace Doorbell.Cli.Check;

/// <summary>What SOURCE names, read: this machine, a capture, a directory of ACPI tables, a machine by name or file.</summary>
internal static class CheckSource
{
    // More than any host has; a directory of something else is not read whole.
    private const int MostTables = 256;

    /// <summary>Reads it; the reason is a whole sentence.</summary>
    /// <param name="source">Null for the machine this runs on.</param>
    public static Result<HostFacts> Read(string? source)
    {
        if (source is null || HostSource.IsHost(source))
        {
            Result<IHostFiles> files = HostSource.Open(source);
            return files.IsOk ? ReadHost(files.Value) : files.WithoutValue;
        }

        if (Directory.Exists(source))
        {
            return ReadTables(source);
        }

        Result<MachineDescription> machine = MachineFiles.Load(source);
        if (!machine.IsOk)
        {
            return machine.WithoutValue;
        }

        bool isPath = source.Contains('/', StringComparison.Ordinal) || source.EndsWith(MachineFiles.DeviceTreeExtension, StringComparison.Ordinal) || source.EndsWith(".yaml", StringComparison.Ordinal);
        Result<HostFacts> facts = HostFacts.From(machine.Value, isPath ? source : $"{source}.yaml");
        return facts.IsOk ? facts : Result.Fail(facts.Errno, $"{source}: {facts.Reason.TrimEnd('.')}.");
    }

    /// <summary>Reads a host with what its firmware says: the ACPI tables, or the device tree where they say nothing.</summary>
    public static HostFacts ReadHost(IHostFiles files)
    {
        List<HostUnknown> unknown = [];
        HostFacts facts = HostReader.Read(files, host => ReadFirmware(host, unknown));
        return unknown.Count == 0 ? facts : facts with { Unknown = [.. facts.Unknown, .. unknown] };
    }

    private static IFirmware? ReadFirmware(IHostFiles files, List<HostUnknown> unknown)
    {
        // A host with tables has a device tree as well, of what the boot loader had to say.
        Result<AcpiFirmware> tables = AcpiTables.Read(files, unknown, address => BusesBehind(files, address));
        if (tables.IsOk)
        {
            return tables.Value;
        }

        if (tables.Errno is not (Errno.ENOENT or Errno.EACCES))
        {
            unknown.Add(new HostUnknown($"what the ACPI tables say: {tables.Reason.TrimEnd('.')}", new Evidence(AcpiTables.Directory), "tables that can be read"));
        }

        if (files.TryRead(HostPaths.DeviceTree, out byte[] blob) != HostFileStatus.Read)
        {
            return null;
        }

        Result<MachineDescription> machine = DeviceTreeMachine.Read(HostPaths.DeviceTree, blob);
        if (machine.IsOk)
        {
            return new DescribedFirmware(machine.Value, HostPaths.DeviceTree, isDeviceTree: true);
        }

        unknown.Add(new HostUnknown($"what the device tree says of IOMMUs and MSI controllers: {machine.Reason.TrimEnd('.')}", new Evidence(HostPaths.DeviceTree), "nothing yet: the tree has what is not read"));
        return null;
    }

    // DMAR names devices by the way over bridges.
    private static AcpiBridgeBuses? BusesBehind(IHostFiles files, PciAddress address) =>
        files.TryRead($"{HostPaths.PciDevices}/{address}/config", out byte[] config) == HostFileStatus.Read && config.Length > PciHeader.SubordinateBus && (config[PciHeader.HeaderType] & 0x7f) == PciHeader.TypeBridge
            ? new AcpiBridgeBuses(config[PciHeader.SecondaryBus], config[PciHeader.SubordinateBus])
            : null;

    private static Result<HostFacts> ReadTables(string folder)
    {
        List<(string File, byte[] Bytes)> tables = [];
        try
        {
            foreach (string file in Directory.EnumerateFiles(folder).Where(DeviceFiles.IsRegular).Order(StringComparer.Ordinal).Take(MostTables))
            {
                Result<byte[]> bytes = DeviceFiles.Read(file);
                if (bytes.IsOk)
                {
                    tables.Add((file, bytes.Value));
                }
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EACCES, $"the directory {folder} cannot be read: {unreadable.Message}");
        }

        Result<AcpiFirmware> firmware = AcpiFirmware.Read(tables);
        if (!firmware.IsOk)
        {
            return Result.Fail(firmware.Errno, $"{folder} is no directory of a host (it has neither sys nor proc), and none of ACPI tables: {firmware.Reason}");
        }

        return new HostFacts
        {
            Name = folder,
            Architecture = firmware.Value.Architecture,
            Firmware = firmware.Value,
            Unknown = [new HostUnknown("its PCI functions and IOMMU groups, which ACPI tables do not list", new Evidence(folder), "a capture of the running host (doorbell capture)")],
        };
    }
}
