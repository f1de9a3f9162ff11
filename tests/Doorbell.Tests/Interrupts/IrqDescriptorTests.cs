using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.Tests.Msi;

namespace Doorbell.Tests.Interrupts;

public class IrqDescriptorTests
{
    private readonly GicDomain _gic = new("gic", 2, 32, 0);

    [Fact]
    public void The_levels_lead_from_the_outermost_to_the_root_and_numbers_are_unique()
    {
        IrqDescriptor[] irqs = Allocate(40, 2);
        Assert.NotEqual(irqs[0].Number, irqs[1].Number);
        Assert.Equal((40u, 41u), (irqs[0].Intid, irqs[1].Intid));
        Assert.Equal((0, 1), (irqs[0].Vector, irqs[1].Vector));
        Assert.Same(_gic, irqs[0].Data.Domain);
        Assert.Same(irqs[0], _gic.Find(40));
        _gic.Free(irqs);
        Assert.Null(_gic.Find(40));
    }

    [Fact]
    public void An_INTID_that_is_taken_is_EBUSY_and_one_that_does_not_exist_EINVAL_and_neither_takes_a_part()
    {
        Allocate(42, 1);
        Assert.Equal(Errno.EBUSY, _gic.Allocate(At(41), 2).Errno);
        Assert.Null(_gic.Find(41));
        Assert.Equal(Errno.EINVAL, _gic.Allocate(At(63), 2).Errno);
        Assert.Null(_gic.Find(63));
        Assert.Equal(Errno.EINVAL, _gic.Allocate(At(8192), 1).Errno);
    }

    [Fact]
    public void Freeing_an_active_interrupt_is_a_bug()
    {
        IrqDescriptor[] irqs = Allocate(40, 1);
        Assert.True(IrqDomain.Activate(irqs[0]).IsOk);
        Assert.Throws<InvalidOperationException>(() => _gic.Free(irqs));
        IrqDomain.Deactivate(irqs[0]);
        _gic.Free(irqs);
    }

    [Fact]
    public void What_waits_is_delivered_once_when_enabled_and_forgotten_when_freed()
    {
        IrqDescriptor irq = Allocate(40, 1)[0];
        var handler = new CountingHandler();
        irq.Handler = handler;
        Assert.Equal(IrqDelivery.Pending, irq.Raise());
        Assert.Equal(IrqDelivery.Pending, irq.Raise());
        Assert.True(irq.SetEnabled(true));
        Assert.Equal(1, handler[0]);
        Assert.False(irq.SetEnabled(true));
        Assert.Equal(IrqDelivery.Delivered, irq.Raise());
        irq.SetEnabled(false);
        irq.Raise();
        _gic.Free([irq]);
        Assert.False(irq.IsPending || irq.IsEnabled);
    }

    [Fact]
    public void N4_An_interrupt_raised_while_another_thread_masks_and_unmasks_is_never_lost_and_never_left_waiting()
    {
        IrqDescriptor irq = Allocate(40, 1)[0];
        var handler = new CountingHandler();
        irq.Handler = handler;
        const int Rounds = 20_000;
        int waited = 0, delivered = 0;
        using var start = new Barrier(2);
        var device = new Thread(() =>
        {
            start.SignalAndWait();
            for (int i = 0; i < Rounds; i++)
            {
                _ = irq.Raise() == IrqDelivery.Delivered ? delivered++ : waited++;
            }
        });
        device.Start();
        start.SignalAndWait();
        int resumed = 0;
        while (device.IsAlive)
        {
            irq.SetEnabled(false);
            resumed += irq.SetEnabled(true) ? 1 : 0;
        }

        device.Join();
        resumed += irq.SetEnabled(true) ? 1 : 0;
        Assert.Equal(Rounds, waited + delivered);
        Assert.False(irq.IsPending);

        // Several that wait are one (a pending bit has no count), so resumed may be less than waited, and not more.
        Assert.True(resumed <= waited);
        Assert.Equal(delivered + resumed, handler[0]);
        Assert.True(waited == 0 || resumed > 0);
    }

    private static IrqAllocation At(uint intid) => new(new IrqRequester("device", default), null, 0, intid);

    private IrqDescriptor[] Allocate(uint intid, int count) => _gic.Allocate(At(intid), count).Value;
}
