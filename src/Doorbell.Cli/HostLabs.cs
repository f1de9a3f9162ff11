using Doorbell.Cli.Check;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Cli;

/// <summary>A machine on the command line with what was found on it: by name or file, or a capture of a host, which is both.</summary>
internal static class HostLabs
{
    /// <summary>Reads it; the reason is a whole sentence.</summary>
    public static Result<HostLab> Load(string nameOrPath)
    {
        if (MachineFiles.IsMachine(nameOrPath) || !HostSource.IsHost(nameOrPath))
        {
            Result<MachineDescription> machine = MachineFiles.Load(nameOrPath);
            return machine.IsOk ? new HostLab(machine.Value, []) : machine.WithoutValue;
        }

        Result<IHostFiles> files = HostSource.Open(nameOrPath);
        return files.IsOk ? Read(files.Value) : files.WithoutValue;
    }

    // A host with ACPI tables has a device tree as well, in which there is no more than its boot loader had to say: then it describes no machine.
    private static Result<HostLab> Read(IHostFiles files)
    {
        MachineDescription? described = null;
        if (files.TryRead(HostPaths.DeviceTree, out byte[] tree) == HostFileStatus.Read && files.List(HostPaths.AcpiTables).Count == 0)
        {
            Result<MachineDescription> machine = DeviceTreeMachine.Read(HostPaths.DeviceTree, tree);
            if (!machine.IsOk)
            {
                return Result.Fail(machine.Errno, $"{files.Name} is no machine to run: {machine.Reason}");
            }

            described = machine.Value;
        }

        return HostMachine.From(CheckSource.ReadHost(files), described);
    }
}
