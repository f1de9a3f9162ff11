using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>What every MSI frame does once it knows the interrupt: raise it, count what was not delivered, and say why (N4).</summary>
internal sealed class MsiReceiver(string name, EventStream events)
{
    private long _refused;
    private long _pending;

    public long Refused => Interlocked.Read(ref _refused);

    public long Pending => Interlocked.Read(ref _pending);

    public bool Tracing => events.IsEnabled;

    /// <summary>Somebody wants to hear why an MSI is refused.</summary>
    public bool TellsRefusals => events.IsTroubleHeard;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BusWriteOutcome Raise(in BusWrite write, IrqDescriptor irq, uint intid, int cpu)
    {
        // The trace tells the delivery before what the handler does about it.
        if (events.IsEnabled)
        {
            return RaiseTraced(write, irq, intid, cpu);
        }

        IrqDelivery delivery = irq.Raise();
        return delivery == IrqDelivery.Delivered ? BusWriteOutcome.Delivered : NotDelivered(write, delivery);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public BusWriteOutcome Refuse(in BusWrite write, string reason)
    {
        Interlocked.Increment(ref _refused);
        if (events.IsTroubleHeard)
        {
            events.Emit(new MsiRefusedEvent
            {
                Controller = name,
                Requester = write.RequesterId,
                DeviceId = write.DeviceId,
                Data = write.Data,
                Reason = reason,
            });
        }

        return BusWriteOutcome.Refused;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome RaiseTraced(in BusWrite write, IrqDescriptor irq, uint intid, int cpu)
    {
        bool enabled = irq.IsDeliverable;
        if (enabled && irq.Handler is null)
        {
            return NotDelivered(write, IrqDelivery.NoHandler);
        }

        events.Emit(new MsiDeliverEvent
        {
            Controller = name,
            Requester = write.RequesterId,
            DeviceId = write.DeviceId,
            Data = write.Data,
            Intid = intid,
            Cpu = cpu,
            Device = irq.Requester.Name,
            Vector = irq.Vector,
            Pending = !enabled,
        });
        IrqDelivery delivery = irq.Raise();
        return delivery == IrqDelivery.Delivered ? BusWriteOutcome.Delivered : NotDelivered(write, delivery);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome NotDelivered(in BusWrite write, IrqDelivery delivery)
    {
        if (delivery == IrqDelivery.Pending)
        {
            Interlocked.Increment(ref _pending);
            return BusWriteOutcome.Pending;
        }

        return Refuse(write, "the interrupt is enabled but nobody has requested it");
    }
}
