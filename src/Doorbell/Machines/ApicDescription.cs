using Doorbell.X86;

namespace Doorbell.Machines;

/// <summary>The local APICs of an x86 machine, which take interrupts from devices at 0xFEE0_0000; behind remapping where its IOMMUs do that (<see cref="IommuDescription.InterruptRemapping"/>).</summary>
public sealed record ApicDescription : MsiControllerDescription
{
    /// <inheritdoc/>
    public override IEnumerable<MemoryRange> Frames => [new MemoryRange(new PhysicalAddress(InterruptAddress.Base), InterruptAddress.Size)];
}
