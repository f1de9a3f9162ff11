using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>The driver of an interrupt remapping unit as a level of the hierarchy, above the APICs: an interrupt's message names an entry, and where it goes is in the entry (M1, M2).</summary>
public abstract class RemappingDomain : IrqDomain
{
    private protected RemappingDomain(string name, ApicDomain apic)
        : base(name, apic, IrqDomainFlags.IsolatedMsi | IrqDomainFlags.MsiParent)
    {
    }

    /// <summary>Writes the interrupt's entry: the CPU and vector it has now, and who may raise it.</summary>
    internal abstract void Program(IrqData irq);

    /// <inheritdoc/>
    protected sealed override Result OnActivate(IrqData irq)
    {
        Program(irq);
        return Result.Ok;
    }
}
