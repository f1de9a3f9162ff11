using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>All that is known of a host, each fact with where it was read; nothing in it is guessed.</summary>
public sealed record HostFacts
{
    /// <summary>What a person calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Its instruction set; null where the source does not tell.</summary>
    public MachineArchitecture? Architecture { get; init; }

    /// <summary>True where a running kernel's own view (groups, reserved regions, drivers) is part of it; false of a device tree, ACPI tables or a described machine.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Its PCI functions, in the order of their addresses.</summary>
    public IReadOnlyList<HostFunction> Functions { get; init; } = [];

    /// <summary>The kernel's IOMMU groups, in the order of their numbers: empty where it has none, null where the source does not say.</summary>
    public IReadOnlyList<HostGroup>? Groups { get; init; }

    /// <summary>The kernel.</summary>
    public HostKernel Kernel { get; init; } = new();

    /// <summary>What the firmware says of IOMMUs, MSI controllers and who goes where; null where no table or tree could be read.</summary>
    public IFirmware? Firmware { get; init; }

    /// <summary>What could not be read, and what would tell.</summary>
    public IReadOnlyList<HostUnknown> Unknown { get; init; } = [];

    /// <summary>A described machine as a host: what the engine makes of it with a device in every slot. Drivers and a kernel it has none.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="file">The file it was read from, for evidence; its name where there is none.</param>
    /// <returns>What the engine says where it cannot be built.</returns>
    public static Result<HostFacts> From(MachineDescription machine, string? file = null) => DescribedHost.From(machine, file ?? machine.Name);
}
