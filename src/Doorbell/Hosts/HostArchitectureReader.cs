using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>Which instruction set a host has, by whatever of it is certain.</summary>
internal static class HostArchitectureReader
{
    /// <summary>Null where nothing says it, or it is neither.</summary>
    public static MachineArchitecture? Read(HostReading reading, HostKernel kernel)
    {
        switch (reading.Text(HostPaths.Architecture))
        {
            case "aarch64":
                return MachineArchitecture.Arm64;
            case "x86_64":
                return MachineArchitecture.X86;
            case { Length: > 0 } other:
                reading.Miss($"what passthrough looks like on {other}: doorbell knows arm64 and x86", HostPaths.Architecture, "a host of one of them");
                return null;
        }

        if (kernel.Configuration is { } configuration)
        {
            return configuration.ContainsKey("CONFIG_ARM64") ? MachineArchitecture.Arm64
                : configuration.ContainsKey("CONFIG_X86_64") ? MachineArchitecture.X86
                : null;
        }

        if (reading.Files.StatusOf(HostPaths.ArmIdentification) == HostFileStatus.Read)
        {
            return MachineArchitecture.Arm64;
        }

        // "Linux version 6.1.0 (…) (aarch64-linux-gnu-gcc …": the compiler's target is the kernel's.
        string version = reading.Text(HostPaths.Version) ?? "";
        return version.Contains("(aarch64-", StringComparison.Ordinal) ? MachineArchitecture.Arm64
            : version.Contains("(x86_64-", StringComparison.Ordinal) ? MachineArchitecture.X86
            : null;
    }
}
