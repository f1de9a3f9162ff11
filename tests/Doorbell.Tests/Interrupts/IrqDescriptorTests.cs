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
    public void N4_An_interrupt_enabled_after_it_was_seen_disabled_does_not_stay_behind()
    {
        IrqDescriptor irq = Allocate(40, 1)[0];
        var handler = new CountingHandler();
        irq.Handler = handler;
        irq.SetEnabled(true);
        Assert.Equal(IrqDelivery.Delivered, irq.RaiseDisabled());
        Assert.Equal((1, false), (handler[0], irq.IsPending));
    }

    [Fact]
    public void N4_An_interrupt_raised_at_the_moment_it_is_enabled_is_delivered_exactly_once()
    {
        IrqDescriptor irq = Allocate(40, 1)[0];
        var handler = new CountingHandler();
        irq.Handler = handler;
        const int Rounds = 20_000;
        int go = 0, done = 0;
        var device = new Thread(() =>
        {
            for (int round = 1; round <= Rounds; round++)
            {
                WaitFor(ref go, round);
                irq.Raise();
                Volatile.Write(ref done, round);
            }
        });
        device.Start();
        int wrong = 0;
        for (int round = 1; round <= Rounds; round++)
        {
            irq.SetEnabled(false);
            Volatile.Write(ref go, round);

            // Somewhere between at once and a little later, so that the two meet at every point.
            Thread.SpinWait(round & 63);
            irq.SetEnabled(true);
            WaitFor(ref done, round);
            wrong += handler[0] == 1 && !irq.IsPending ? 0 : 1;
            irq.ClearPending();
            handler.Forget();
        }

        device.Join();
        Assert.Equal(0, wrong);
    }

    private static void WaitFor(ref int value, int wanted)
    {
        var wait = default(SpinWait);
        while (Volatile.Read(ref value) < wanted)
        {
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static IrqAllocation At(uint intid) => new(new IrqRequester("device", default), null, 0, intid);

    private IrqDescriptor[] Allocate(uint intid, int count) => _gic.Allocate(At(intid), count).Value;
}
