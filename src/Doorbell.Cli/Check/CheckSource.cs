using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Cli.Check;

/// <summary>What SOURCE names, read: this machine, a capture, a machine by name or file.</summary>
internal static class CheckSource
{
    /// <summary>Reads it; the reason is a whole sentence.</summary>
    /// <param name="source">Null for the machine this runs on.</param>
    public static Result<HostFacts> Read(string? source)
    {
        if (source is null || HostSource.IsHost(source))
        {
            Result<IHostFiles> files = HostSource.Open(source);
            return files.IsOk ? ReadHost(files.Value) : files.WithoutValue;
        }

        Result<MachineDescription> machine = MachineFiles.Load(source);
        if (!machine.IsOk)
        {
            return machine.WithoutValue;
        }

        Result<HostFacts> facts = HostFacts.From(machine.Value, source.Contains('.', StringComparison.Ordinal) || source.Contains('/', StringComparison.Ordinal) ? source : $"{source}.yaml");
        return facts.IsOk ? facts : Result.Fail(facts.Errno, $"{source}: {facts.Reason.TrimEnd('.')}.");
    }

    private static HostFacts ReadHost(IHostFiles files)
    {
        List<HostUnknown> unknown = [];
        HostFacts facts = HostReader.Read(files, host => ReadFirmware(host, unknown));
        return unknown.Count == 0 ? facts : facts with { Unknown = [.. facts.Unknown, .. unknown] };
    }

    private static DescribedFirmware? ReadFirmware(IHostFiles files, List<HostUnknown> unknown)
    {
        if (files.TryRead(HostPaths.DeviceTree, out byte[] blob) != HostFileStatus.Read)
        {
            return null;
        }

        Result<MachineDescription> machine = DeviceTreeMachine.Read(HostPaths.DeviceTree, blob);
        if (machine.IsOk)
        {
            return new DescribedFirmware(machine.Value, HostPaths.DeviceTree, isDeviceTree: true);
        }

        unknown.Add(new HostUnknown($"what the device tree says of IOMMUs and MSI controllers: {machine.Reason.TrimEnd('.')}", new Evidence(HostPaths.DeviceTree), "nothing yet: the tree has what is not modelled here"));
        return null;
    }
}
