using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>The interrupt address range without remapping: a write raises the vector it names on the CPU it names, whoever writes it (Intel SDM volume 3, 11.11).</summary>
/// <remarks>
/// That is why handing devices out behind it is not safe (M2, V3). Modelled: fixed and lowest-priority delivery to one CPU by its APIC ID.
/// Refused: every other delivery mode (SMI, NMI, INIT, ExtINT), logical destinations, broadcast.
/// </remarks>
public sealed class ApicMsiTarget : IBusTarget
{
    private const uint LowestPriority = 1;

    private readonly ApicDomain _apic;
    private readonly MsiReceiver _receiver;

    /// <summary>The range in front of the CPUs' APICs.</summary>
    public ApicMsiTarget(ApicDomain apic, EventStream events)
    {
        _apic = apic;
        _receiver = new MsiReceiver(apic.Name, events);
    }

    /// <inheritdoc/>
    public string Name => _apic.Name;

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        uint cpu = (uint)(write.Offset >> InterruptAddress.DestinationShift) & 0xff;
        var vector = (byte)write.Data;
        uint mode = (write.Data >> 8) & 7;
        IrqDescriptor? irq = mode > LowestPriority || (write.Offset & InterruptAddress.LogicalDestination) != 0 ? null : _apic.Find(cpu, vector);
        return irq is null ? Refuse(write, cpu, vector, mode) : _receiver.Raise(write, irq, vector, (int)cpu);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome Refuse(in BusWrite write, uint cpu, byte vector, uint mode)
    {
        string reason = !_receiver.TellsRefusals ? string.Empty
            : mode > LowestPriority ? $"delivery mode {mode} is not fixed or lowest priority: SMI, NMI, INIT and ExtINT are not modelled"
            : (write.Offset & InterruptAddress.LogicalDestination) != 0 ? "logical destinations are not modelled"
            : $"vector 0x{vector:x2} of CPU {cpu} is nobody's";
        return _receiver.Refuse(write, reason);
    }
}
