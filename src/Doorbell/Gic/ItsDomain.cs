using System.Numerics;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>The driver of an ITS as a level of the hierarchy: EventIDs and LPIs for devices, and the commands that map them, in the order Linux issues them (M11).</summary>
/// <remarks>
/// Chosen differences from Linux 7.3: what a failed allocation took is given back at once (Linux leaks its EventID),
/// and a block of EventIDs is freed whole (Linux leaks the rest of a multi-MSI block).
/// </remarks>
public sealed class ItsDomain : IrqDomain
{
    private readonly Dictionary<uint, ItsDevice> _devices = [];
    private readonly ItsProvision _tables;
    private readonly ItsCommandQueue _queue;
    private readonly LpiAllocator _lpis;
    private readonly ItsChip _chip;
    private readonly PreItsWindow? _preIts;
    private readonly int[] _load;

    /// <summary>The driver: gives the ITS its tables and its queue, enables it, maps one collection a CPU (MAPC, SYNC, INVALL).</summary>
    /// <param name="its">The hardware.</param>
    /// <param name="preIts">What stands before it and takes its isolation away (M2); null where nothing does.</param>
    public ItsDomain(GicV3Its its, PreItsWindow? preIts = null)
        : base(its.Name, its.Gic, preIts is null ? IrqDomainFlags.IsolatedMsi | IrqDomainFlags.MsiParent : IrqDomainFlags.MsiParent)
    {
        Its = its;
        _preIts = preIts;
        _lpis = its.Gic.LpiRanges;
        _chip = new ItsChip(this);
        _load = new int[its.Gic.Cpus];
        _tables = new ItsProvision(its);
        _queue = new ItsCommandQueue(its);
        its.ControlFrame.Write(ItsRegister.Ctlr, ItsRegister.CtlrEnabled);
        for (int cpu = 0; cpu < its.Gic.Cpus; cpu++)
        {
            Must(ItsCommand.Mapc((ushort)cpu, (uint)cpu, true), cpu);
            Must(ItsCommand.Invall((ushort)cpu), cpu);
        }
    }

    /// <summary>The hardware.</summary>
    public GicV3Its Its { get; }

    /// <inheritdoc/>
    /// <remarks>Behind a pre-ITS the first of a range.</remarks>
    public override IReadOnlyList<PhysicalAddress> Doorbells => [_preIts?.Base ?? Its.Doorbell];

    /// <inheritdoc/>
    public override IReadOnlyList<PhysicalAddress> DoorbellsOf(DeviceId device) => [_preIts?.DoorbellOf(device) ?? Its.Doorbell];

    /// <inheritdoc/>
    /// <remarks>Behind a pre-ITS each DeviceID has a word of its own.</remarks>
    public override bool IsDoorbell(PhysicalAddress address) =>
        _preIts is { } window ? address.Value - window.Base.Value < window.Size : base.IsDoorbell(address);

    /// <summary>Where a device writes.</summary>
    public PhysicalAddress DoorbellOf(IrqData irq) => _preIts?.DoorbellOf(irq.Descriptor.Requester.DeviceId) ?? Its.Doorbell;

    /// <summary>The EventID of an interrupt at this level.</summary>
    public static EventId EventOf(IrqData irq) => new((uint)irq.HwIrq - DeviceOf(irq).FirstLpi);

    /// <summary>MAPD: an ITT for the device, with at least two entries and as many LPIs as <paramref name="count"/> rounded up to a power of two.</summary>
    public override Result Prepare(IrqRequester requester, int count, out IrqDeviceContext? context)
    {
        context = null;
        using EngineLock.Scope held = Lock.Enter();
        if (_devices.TryGetValue(requester.DeviceId.Value, out ItsDevice? shared))
        {
            // Functions whose writes look alike to the ITS (a bridge's alias) share an ITT.
            shared.Users++;
            context = shared;
            return Result.Ok;
        }

        uint lpis = BitOperations.RoundUpToPowerOf2((uint)count);
        int size = BitOperations.Log2(Math.Max(2, lpis)) - 1;
        if (size >= Its.EventIdBits)
        {
            return Result.Fail(Errno.ENOSPC, $"{requester.Name} asks for {count} events; {Name} has {Its.EventIdBits} bits of EventID (M11).");
        }

        if (!_tables.Reach(requester.DeviceId))
        {
            return Result.Fail(
                Errno.ENOSPC,
                $"DeviceID {requester.DeviceId} of {requester.Name} has no place in the device table of {Name}, which ends at 0x{Math.Min(_tables.DeviceLimit, 1UL << Its.DeviceIdBits):x} (M11).");
        }

        uint firstLpi;
        while (!_lpis.TryAllocate(lpis, out firstLpi))
        {
            // Less is better than nothing: a device seldom arms all it could.
            lpis >>= 1;
            if (lpis == 0)
            {
                return Result.Fail(Errno.ENOSPC, $"{Name} has no LPI left for {requester.Name} (M11).");
            }
        }

        var device = new ItsDevice(requester.DeviceId, size, Its.Gic.Memory.Allocate((2UL << size) * ItsBaser.EntrySize), firstLpi, lpis);
        ItsCommandError error = _queue.Submit(ItsCommand.Mapd(device.Id, size, true, device.Itt));
        if (error != ItsCommandError.None)
        {
            Its.Gic.Memory.Free(device.Itt, device.IttSize);
            _lpis.Free(firstLpi, lpis);
            return Result.Fail(Errno.EINVAL, $"{Name} refuses MAPD for DeviceID {requester.DeviceId} of {requester.Name}: {error} (M11).");
        }

        _devices.Add(requester.DeviceId.Value, device);
        context = device;
        return Result.Ok;
    }

    /// <summary>The last user gone: MAPD V=0, and the LPIs go back.</summary>
    public override void Unprepare(IrqDeviceContext? context)
    {
        var device = (ItsDevice)context!;
        using EngineLock.Scope held = Lock.Enter();
        if (--device.Users > 0)
        {
            return;
        }

        if (device.Events.InUse != 0)
        {
            throw new InvalidOperationException($"DeviceID {device.Id} is unmapped at {Name} with {device.Events.InUse} EventIDs in use.");
        }

        _devices.Remove(device.Id.Value);
        _queue.Submit(ItsCommand.Mapd(device.Id, device.Size, false));
        Its.Gic.Memory.Free(device.Itt, device.IttSize);
        _lpis.Free(device.FirstLpi, device.Lpis);
    }

    internal void Configure(IrqData irq, bool enabled)
    {
        using EngineLock.Scope held = Lock.Enter();
        uint lpi = (uint)irq.HwIrq;
        byte value = Its.Gic.GetLpiConfiguration(lpi);
        byte wanted = (byte)(enabled ? value | GicDomain.LpiEnable : value & ~GicDomain.LpiEnable);
        if (wanted != value)
        {
            Its.Gic.SetLpiConfiguration(lpi, wanted);
            Must(ItsCommand.Inv(DeviceOf(irq).Id, EventOf(irq)), irq.Descriptor.Affinity);
        }
    }

    internal Result Move(IrqData irq, int cpu)
    {
        if ((uint)cpu >= (uint)_load.Length)
        {
            return Result.Fail(Errno.EINVAL, $"{Its.Gic.Name} has no CPU {cpu}: {_load.Length} are described.");
        }

        using EngineLock.Scope held = Lock.Enter();
        int before = irq.Descriptor.Affinity;
        if (before == cpu)
        {
            return Result.Ok;
        }

        if (irq.Descriptor.IsActivated)
        {
            Must(ItsCommand.Movi(DeviceOf(irq).Id, EventOf(irq), (ushort)cpu), cpu);
            _load[before]--;
            _load[cpu]++;
        }

        irq.Descriptor.Affinity = cpu;
        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        var device = (ItsDevice?)allocation.Context
            ?? throw new InvalidOperationException($"{allocation.Requester.Name} allocates at {Name} without having prepared.");
        if (!device.Events.TryAllocate(irqs.Length, out uint eventId))
        {
            return Result.Fail(
                Errno.ENOSPC,
                $"{Name} has no {irqs.Length} EventIDs in a row for {allocation.Requester.Name}: {device.Events.InUse} of {device.Lpis} are in use (M11).");
        }

        Result parent = AllocateParent(irqs, allocation with { Intid = device.FirstLpi + eventId });
        if (!parent.IsOk)
        {
            device.Events.Free(eventId, irqs.Length);
            return parent;
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            irqs[i].Set(device.FirstLpi + eventId + (uint)i, _chip, device);
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        FreeParent(irqs);
        DeviceOf(irqs[0]).Events.Free(EventOf(irqs[0]).Value, irqs.Length);
    }

    /// <inheritdoc/>
    protected override Result OnActivate(IrqData irq)
    {
        int cpu = irq.Descriptor.Affinity == IrqDescriptor.NoAffinity ? LeastLoaded() : irq.Descriptor.Affinity;
        ItsDevice device = DeviceOf(irq);
        ItsCommandError error = _queue.Submit(ItsCommand.Mapti(device.Id, EventOf(irq), (uint)irq.HwIrq, (ushort)cpu), ItsCommand.Sync((uint)cpu));
        if (error != ItsCommandError.None)
        {
            return Result.Fail(Errno.EINVAL, $"{Name} refuses MAPTI for {irq.Descriptor}: {error} (M11).");
        }

        irq.Descriptor.Affinity = cpu;
        _load[cpu]++;
        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnDeactivate(IrqData irq)
    {
        Must(ItsCommand.Discard(DeviceOf(irq).Id, EventOf(irq)), irq.Descriptor.Affinity);
        _load[irq.Descriptor.Affinity]--;
    }

    private static ItsDevice DeviceOf(IrqData irq) => (ItsDevice)irq.ChipData!;

    private int LeastLoaded()
    {
        int best = 0;
        for (int cpu = 1; cpu < _load.Length; cpu++)
        {
            if (_load[cpu] < _load[best])
            {
                best = cpu;
            }
        }

        return best;
    }

    // The driver's own bookkeeping says that these cannot fail; if one does, the two sides have come apart.
    private void Must(in ItsCommand command, int cpu)
    {
        ItsCommandError error = command.Opcode == ItsOpcode.Invall ? _queue.Submit(command) : _queue.Submit(command, ItsCommand.Sync((uint)cpu));
        if (error != ItsCommandError.None)
        {
            throw new InvalidOperationException($"{Name} refuses {command}: {error}.");
        }
    }
}
