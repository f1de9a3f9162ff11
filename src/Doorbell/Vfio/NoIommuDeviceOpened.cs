using Doorbell.Events;

namespace Doorbell.Vfio;

/// <summary>A device that no IOMMU translates is in a user's hands: its DMA reaches all memory, and the administrator has allowed that.</summary>
/// <param name="Device">Its name.</param>
public sealed record NoIommuDeviceOpened(string Device) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "vfio.noiommu";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields) => fields.Text("device", Device);
}
