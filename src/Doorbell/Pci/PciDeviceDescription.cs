namespace Doorbell.Pci;

/// <summary>What a device is on the bus: identity, BARs and interrupts. Its configuration space is laid out from this.</summary>
public sealed record PciDeviceDescription
{
    /// <summary>Vendor ID.</summary>
    public required ushort VendorId { get; init; }

    /// <summary>Device ID.</summary>
    public required ushort DeviceId { get; init; }

    /// <summary>Class, subclass and programming interface, 24 bits: <c>0x010802</c> is NVMe.</summary>
    public required uint ClassCode { get; init; }

    /// <summary>Revision ID.</summary>
    public byte RevisionId { get; init; }

    /// <summary>Subsystem vendor ID.</summary>
    public ushort SubsystemVendorId { get; init; }

    /// <summary>Subsystem ID.</summary>
    public ushort SubsystemId { get; init; }

    /// <summary>Base address registers, any order.</summary>
    public IReadOnlyList<PciBarDescription> Bars { get; init; } = [];

    /// <summary>MSI-X, where the device has it.</summary>
    public MsiXDescription? MsiX { get; init; }

    /// <summary>MSI vectors: 0 (no MSI), 1, 2, 4, 8, 16 or 32.</summary>
    public int MsiVectors { get; init; }

    /// <summary>MSI has mask and pending bits.</summary>
    public bool MsiPerVectorMask { get; init; }

    /// <summary>0: no INTx; 1 to 4: INTA to INTD.</summary>
    public byte InterruptPin { get; init; }

    /// <summary>PCI Express (4096 bytes of configuration space) or conventional PCI (256).</summary>
    public bool IsExpress { get; init; } = true;

    /// <summary>The function can be reset alone (FLR, PCIe base 6.6.2).</summary>
    public bool FunctionLevelReset { get; init; } = true;
}
