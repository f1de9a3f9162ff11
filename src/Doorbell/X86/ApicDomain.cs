using Doorbell.Events;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>The local APICs of the CPUs, root of the hierarchy: hands each interrupt a vector of one CPU and brings a vector that is raised to its handler (Intel SDM volume 3, chapter 11).</summary>
/// <remarks>
/// Chosen: a vector is given at allocation, where Linux has it at request and writes the reserved vector 0xef until then; a moved
/// interrupt keeps the vector it came from until its next move, where Linux gives it back at the next interrupt.
/// </remarks>
public sealed class ApicDomain : IrqDomain
{
    /// <summary>First vector for devices: below are exceptions (SDM volume 3, 7.2) and what Linux keeps.</summary>
    public const int FirstVector = 0x21;

    /// <summary>First vector that is the system's (Linux, FIRST_SYSTEM_VECTOR).</summary>
    public const int VectorLimit = 0xec;

    private const int FirstIsaVector = 0x30;
    private const int IsaVectors = 16;
    private const int SystemCallVector = 0x80;

    private readonly EventStream _events;
    private readonly IrqDescriptor?[][] _active;
    private readonly ApicVector?[][] _owners;
    private readonly int[] _load;
    private readonly ApicChip _chip;

    /// <summary>The APICs.</summary>
    /// <param name="name">Name: <c>apic</c>.</param>
    /// <param name="cpus">CPUs interrupts can go to; APIC IDs are their numbers.</param>
    /// <param name="events">Where the delivery of an interrupt that had to wait is told.</param>
    public ApicDomain(string name, int cpus, EventStream events)
        : base(name, null, IrqDomainFlags.MsiParent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cpus, 1);
        Cpus = cpus;
        _events = events;
        _active = [.. Enumerable.Range(0, cpus).Select(static _ => new IrqDescriptor?[256])];
        _owners = [.. Enumerable.Range(0, cpus).Select(static _ => new ApicVector?[256])];
        _load = new int[cpus];
        _chip = new ApicChip(this);
    }

    /// <summary>CPUs interrupts can go to, numbered from 0.</summary>
    public int Cpus { get; }

    /// <inheritdoc/>
    /// <remarks>The first of a range: the address of a message says where it goes.</remarks>
    public override IReadOnlyList<PhysicalAddress> Doorbells => [new(InterruptAddress.Base)];

    /// <inheritdoc/>
    public override bool IsDoorbell(PhysicalAddress address) => address.Value - InterruptAddress.Base < InterruptAddress.Size;

    /// <summary>The interrupt that a vector of a CPU raises now, or null. Neither locks nor allocates.</summary>
    public IrqDescriptor? Find(uint cpu, byte vector) => cpu < (uint)_active.Length ? Volatile.Read(ref _active[cpu][vector]) : null;

    /// <summary>True for a vector that devices can be given.</summary>
    public static bool IsForDevices(int vector) =>
        vector is >= FirstVector and < VectorLimit and not SystemCallVector and not (>= FirstIsaVector and < FirstIsaVector + IsaVectors);

    internal static ApicVector VectorOf(IrqData irq) => (ApicVector)irq.Descriptor.Root.ChipData!;

    internal void SetEnabled(IrqDescriptor irq, bool enabled)
    {
        if (irq.SetEnabled(enabled) && _events.IsEnabled)
        {
            _events.Emit(new IrqResumeEvent { Gic = Name, Intid = irq.Intid, Cpu = irq.Affinity, Device = irq.Requester.Name, Vector = irq.Vector });
        }
    }

    /// <summary>Another CPU; back to the CPU it came from is back to the vector it had there.</summary>
    internal Result<AffinityOutcome> Move(IrqData irq, int cpu)
    {
        var vector = (ApicVector)irq.ChipData!;
        if ((uint)cpu >= (uint)Cpus)
        {
            return Result.Fail(Errno.EINVAL, $"{Name} has no CPU {cpu} an interrupt can go to: {Cpus} are described.");
        }

        if (vector.Current.Cpu == cpu)
        {
            return AffinityOutcome.Done;
        }

        (int Cpu, byte Vector) next;
        if (vector.Previous is { } previous && previous.Cpu == cpu)
        {
            next = previous;
        }
        else
        {
            if (!TryTake(cpu, out byte free))
            {
                return Result.Fail(Errno.ENOSPC, $"{Name} has no vector left on CPU {cpu} for {irq.Descriptor}.");
            }

            ReleasePrevious(vector);
            _owners[cpu][free] = vector;
            next = (cpu, free);
        }

        // The new place answers before anybody is told of it; the old one goes on answering.
        if (irq.Descriptor.IsActivated)
        {
            Volatile.Write(ref _active[next.Cpu][next.Vector], irq.Descriptor);
        }

        vector.MoveTo(next);
        irq.Set(next.Vector, _chip, vector);
        irq.Descriptor.Affinity = cpu;
        return AffinityOutcome.Recompose;
    }

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        for (int i = 0; i < irqs.Length; i++)
        {
            int cpu = Array.IndexOf(_load, _load.Min());
            if (!TryTake(cpu, out byte free))
            {
                OnFree(irqs[..i]);
                return Result.Fail(Errno.ENOSPC, $"{Name} has no vector left on any CPU for {allocation.Requester.Name}.");
            }

            var vector = new ApicVector(cpu, free);
            _owners[cpu][free] = vector;
            irqs[i].Set(free, _chip, vector);
            irqs[i].Descriptor.Affinity = cpu;
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        foreach (IrqData irq in irqs)
        {
            var vector = (ApicVector)irq.ChipData!;
            ReleasePrevious(vector);
            Release(vector.Current);
            irq.Descriptor.SetEnabled(false);
            irq.Descriptor.ClearPending();
        }
    }

    /// <inheritdoc/>
    protected override Result OnActivate(IrqData irq)
    {
        (int cpu, byte vector) = ((ApicVector)irq.ChipData!).Current;
        Volatile.Write(ref _active[cpu][vector], irq.Descriptor);
        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnDeactivate(IrqData irq)
    {
        var vector = (ApicVector)irq.ChipData!;
        ReleasePrevious(vector);
        Volatile.Write(ref _active[vector.Current.Cpu][vector.Current.Vector], null);
    }

    // The caller says whose it is.
    private bool TryTake(int cpu, out byte vector)
    {
        if (TryFind(cpu, out vector))
        {
            _load[cpu]++;
            return true;
        }

        // Places that moved interrupts left, once there is nothing else.
        ApicVector? moved = _owners[cpu].FirstOrDefault(candidate => candidate?.Previous is { } left && left.Cpu == cpu);
        if (moved is null)
        {
            return false;
        }

        ReleasePrevious(moved);
        return TryTake(cpu, out vector);
    }

    private bool TryFind(int cpu, out byte vector)
    {
        for (int candidate = FirstVector; candidate < VectorLimit; candidate++)
        {
            if (IsForDevices(candidate) && _owners[cpu][candidate] is null)
            {
                vector = (byte)candidate;
                return true;
            }
        }

        vector = 0;
        return false;
    }

    private void ReleasePrevious(ApicVector vector)
    {
        if (vector.Previous is { } previous)
        {
            Release(previous);
            vector.ForgetPrevious();
        }
    }

    private void Release((int Cpu, byte Vector) place)
    {
        Volatile.Write(ref _active[place.Cpu][place.Vector], null);
        _owners[place.Cpu][place.Vector] = null;
        _load[place.Cpu]--;
    }
}
