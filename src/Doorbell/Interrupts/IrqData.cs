namespace Doorbell.Interrupts;

/// <summary>One interrupt at one level of the hierarchy (struct irq_data).</summary>
public sealed class IrqData
{
    internal IrqData(IrqDescriptor descriptor, IrqDomain domain, IrqData? parent)
    {
        Descriptor = descriptor;
        Domain = domain;
        Parent = parent;
    }

    /// <summary>The interrupt this is a level of.</summary>
    public IrqDescriptor Descriptor { get; }

    /// <summary>The level.</summary>
    public IrqDomain Domain { get; }

    /// <summary>The next level towards the CPU; null at the root.</summary>
    public IrqData? Parent { get; }

    /// <summary>The level's own number for it: an INTID at the GIC, an LPI at the ITS, DeviceID and vector at the MSI level.</summary>
    public ulong HwIrq { get; private set; }

    /// <summary>The level's operations; set by its allocation.</summary>
    public IrqChip? Chip { get; private set; }

    /// <summary>What the level hangs on it.</summary>
    public object? ChipData { get; private set; }

    /// <summary>What the level's domain says about it when it allocates it (irq_domain_set_hwirq_and_chip).</summary>
    public void Set(ulong hwIrq, IrqChip chip, object? chipData = null)
    {
        HwIrq = hwIrq;
        Chip = chip;
        ChipData = chipData;
    }
}
