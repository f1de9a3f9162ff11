using Doorbell.Interrupts;

namespace Doorbell.Msi;

/// <summary>Masking at the device and at the controller, as pci_irq_mask_msix does with its parent.</summary>
internal sealed class MsiChip : IrqChip
{
    public override string Name => "MSI";

    public override void Mask(IrqData irq)
    {
        ((MsiVector)irq.ChipData!).SetDeviceMask(true);
        base.Mask(irq);
    }

    public override void Unmask(IrqData irq)
    {
        ((MsiVector)irq.ChipData!).SetDeviceMask(false);
        base.Unmask(irq);
    }
}
