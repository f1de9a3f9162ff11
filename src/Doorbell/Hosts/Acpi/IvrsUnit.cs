namespace Doorbell.Hosts.Acpi;

/// <summary>An IOMMU as one IVHD block describes it.</summary>
/// <param name="Offset">Of the block.</param>
/// <param name="Type">0x10, 0x11 or 0x40.</param>
/// <param name="DeviceId">Requester ID of the IOMMU's own PCI function.</param>
/// <param name="Segment">The PCI segment it is for.</param>
/// <param name="Base">Base of its registers.</param>
/// <param name="ExtendedFeatures">Image of its extended feature register (EFR); null of type 10h, which has none.</param>
/// <param name="Entries">Whom it is for.</param>
/// <param name="IoApics">I/O APICs whose interrupts it remaps.</param>
internal sealed record IvrsUnit(
    int Offset, byte Type, ushort DeviceId, ushort Segment, ulong Base, ulong? ExtendedFeatures, IReadOnlyList<IvrsEntry> Entries, IReadOnlyList<IvrsIoApic> IoApics);
