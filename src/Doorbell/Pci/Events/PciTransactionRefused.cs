using Doorbell.Events;

namespace Doorbell.Pci;

/// <summary>A device model wanted the bus and its function did not let it.</summary>
/// <param name="Function">Which function.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">The IOVA, or the vector where the reason is about one.</param>
public sealed record PciTransactionRefused(PciAddress Function, PciRefusal Reason, ulong Detail) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "pci.refused";

    /// <summary>It was a message: an <see cref="InterruptLost"/> explains it.</summary>
    public bool IsMessage { get; init; }

    /// <inheritdoc/>
    public override bool IsTrouble => !IsMessage;

    /// <summary>What to do about it.</summary>
    public string Remedy => Reason switch
    {
        PciRefusal.BusMasterDisabled => "set bit 2 (PCI_COMMAND_MASTER) of its command register in the config region, and leave it set while the device works",
        PciRefusal.NotInD0 => "bring the function back to D0 (PCI_PM_CTRL) before it is used",
        PciRefusal.NotConnected => "plug it into a slot of the machine",
        PciRefusal.NoMessageEnabled => "arm its vectors with VFIO_DEVICE_SET_IRQS, or poll",
        _ => "arm as many vectors as the device was told to use",
    };

    /// <summary>The reason as a sentence's end.</summary>
    public string Why => Reason switch
    {
        PciRefusal.BusMasterDisabled => "bus mastering is off in its command register: no DMA and no MSI",
        PciRefusal.NotInD0 => "the function is not in power state D0",
        PciRefusal.NotConnected => "the function is connected to no machine",
        PciRefusal.NoMessageEnabled => "neither MSI nor MSI-X is enabled",
        _ => "the vector is beyond those the function was given",
    };

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("function", Function.ToString());
        fields.Text("reason", Why);
        if (Reason is PciRefusal.NoMessageEnabled or PciRefusal.VectorNotEnabled)
        {
            fields.Number("vector", (long)Detail);
        }
        else
        {
            fields.Hex("iova", Detail);
        }
    }
}
