using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>What a host's firmware says of its PCI hosts, IOMMUs and MSI controllers: ACPI tables, a device tree, or a machine's description.</summary>
public interface IFirmware
{
    /// <summary>The instruction set it implies.</summary>
    MachineArchitecture Architecture { get; }

    /// <summary>IOMMUs, in the order of the source.</summary>
    IReadOnlyList<FirmwareIommu> Iommus { get; }

    /// <summary>MSI controllers; none on x86, where the CPUs' local APICs take MSIs.</summary>
    IReadOnlyList<FirmwareMsiController> MsiControllers { get; }

    /// <summary>PCI hosts: segment and buses.</summary>
    IReadOnlyList<FirmwarePciHost> PciHosts { get; }

    /// <summary>Memory that firmware wants mapped for a device (RMRR, IVMD, RMR).</summary>
    IReadOnlyList<FirmwareReservedMemory> ReservedMemory { get; }

    /// <summary>What is wrong or was left out, a sentence each.</summary>
    IReadOnlyList<string> Notes { get; }

    /// <summary>Which IOMMU and MSI controller a requester's transactions meet.</summary>
    /// <param name="host">A function on the segment the requester is on.</param>
    /// <param name="requester">As it arrives at the root complex, aliases of bridges applied.</param>
    FirmwarePath FindPath(PciAddress host, RequesterId requester);
}
