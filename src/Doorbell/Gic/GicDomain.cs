using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>
/// The GIC itself, root of the hierarchy: hands INTIDs to interrupts and brings an INTID that is raised to its handler
/// (distributor and redistributors of IHI 0069; for GICv2 the distributor of IHI 0048).
/// </summary>
/// <remarks>
/// Chosen: an INTID nobody holds is neither enabled nor pending. Hardware keeps a pending bit for it; keeping it here
/// would hand a stray write to the INTID's next owner (N4).
/// </remarks>
public sealed partial class GicDomain : IrqDomain
{
    /// <summary>First SPI (IHI 0069, 2.2).</summary>
    public const uint FirstSpi = 32;

    /// <summary>First INTID that is no SPI (1020 to 1023 are special).</summary>
    public const uint SpiLimit = 1020;

    /// <summary>First LPI (IHI 0069, 2.2).</summary>
    public const uint FirstLpi = 8192;

    private readonly EventStream? _events;
    private readonly IntidTable _intids;
    private readonly GicChip _chip;
    private readonly PhysicalAddress _lpiConfiguration;
    private int _lastIts;

    /// <summary>A GIC.</summary>
    /// <param name="name">Name: <c>gic@8000000</c>.</param>
    /// <param name="cpus">CPUs interrupts can go to.</param>
    /// <param name="spis">SPIs implemented, 0 to 988.</param>
    /// <param name="intidBits">GICD_TYPER.IDbits + 1 where LPIs are implemented (14 to 24), 0 where they are not (GICv2).</param>
    /// <param name="events">Where the delivery of an interrupt that had to wait is told.</param>
    public GicDomain(string name, int cpus, int spis, int intidBits, EventStream? events = null)
        : base(name, null, IrqDomainFlags.None)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cpus, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(spis, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(spis, (int)(SpiLimit - FirstSpi));
        if (intidBits is not 0 and (< 14 or > 24))
        {
            throw new ArgumentOutOfRangeException(nameof(intidBits), intidBits, "LPIs need 14 to 24 bits of INTID.");
        }

        _events = events;
        Cpus = cpus;
        Spis = spis;
        LpiLimit = intidBits == 0 ? 0 : 1u << intidBits;
        LpiRanges = new LpiAllocator(FirstLpi, Lpis);
        _intids = new IntidTable(Math.Max(LpiLimit, SpiLimit), Lock);
        Memory = new GicMemory(new PhysicalAddress(0x1_0000_0000), Lock);
        _lpiConfiguration = Memory.Allocate(Math.Max(1, Lpis));
        _redistributors = [.. Enumerable.Range(0, cpus).Select(cpu => new Redistributor(this, cpu, _lpiConfiguration, Memory.Allocate(Math.Max(1, LpiLimit / 8))))];
        _chip = new GicChip(this);
    }

    /// <summary>What software has given the GIC and its ITSs for tables and queues.</summary>
    public GicMemory Memory { get; }

    /// <summary>CPUs interrupts can go to, numbered from 0.</summary>
    public int Cpus { get; }

    /// <summary>SPIs implemented.</summary>
    public int Spis { get; }

    /// <summary>First INTID that is no LPI; 0 where there are none.</summary>
    public uint LpiLimit { get; }

    /// <summary>LPIs there are.</summary>
    public uint Lpis => LpiLimit == 0 ? 0 : LpiLimit - FirstLpi;

    /// <summary>LPIs nobody has: one pool for all ITSs of the GIC, as LPIs are one space for all of them.</summary>
    internal LpiAllocator LpiRanges { get; }

    /// <summary>True for an SPI this GIC implements.</summary>
    public bool IsSpi(uint intid) => intid >= FirstSpi && intid - FirstSpi < (uint)Spis;

    /// <summary>True for an LPI this GIC implements.</summary>
    public bool IsLpi(uint intid) => intid >= FirstLpi && intid < LpiLimit;

    /// <summary>The interrupt that holds an INTID now, or null. Neither locks nor allocates.</summary>
    public IrqDescriptor? Find(uint intid) => _intids.Find(intid);

    /// <summary>Runs the handler of an INTID that can be delivered as it stands; false where a closer look is needed. Neither locks nor allocates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryDeliver(uint intid, ulong source) => _intids.TryDeliver(intid, source);

    /// <summary>A translation to an LPI is complete: this source raises it from now on.</summary>
    internal void ConnectLpi(uint lpi, ulong source) => _intids.Connect(lpi, source);

    /// <summary>The translation is no more, or incomplete.</summary>
    internal void DisconnectLpi(uint lpi, ulong source) => _intids.Disconnect(lpi, source);

    /// <summary>A number for an ITS of this GIC, from 1.</summary>
    internal int NumberIts() => ++_lastIts;

    /// <summary>An LPI's byte of the LPI configuration table (IHI 0069, 5.1.1): bit 0 enable, bits 7:2 priority. It acts when it is reloaded.</summary>
    internal byte GetLpiConfiguration(uint lpi)
    {
        Span<byte> value = stackalloc byte[1];
        return Memory.TryRead((_lpiConfiguration + (lpi - FirstLpi)).Value, value) ? value[0] : (byte)0;
    }

    internal void SetLpiConfiguration(uint lpi, byte value) => Memory.TryWrite((_lpiConfiguration + (lpi - FirstLpi)).Value, [value]);

    /// <summary>The redistributor reads an LPI's configuration again (INV, INVALL); until then it goes by what it read before.</summary>
    /// <param name="lpi">The LPI.</param>
    /// <param name="cpu">Where its collection goes.</param>
    internal void ReloadLpi(uint lpi, int cpu)
    {
        using EngineLock.Scope held = Lock.Enter();
        if (Find(lpi) is { } irq)
        {
            byte configuration = GetLpiConfiguration(lpi);
            irq.Priority = (byte)(configuration & LpiPriorityMask);
            Route(irq, cpu);
            SetEnabled(irq, (configuration & LpiEnable) != 0);
        }
    }

    // Bits 1:0 are not priority; what is left are the 64 levels an LPI can have.
    private const byte LpiPriorityMask = 0xfc;

    internal const byte LpiEnable = 1;

    /// <summary>The priority Linux gives every interrupt.</summary>
    internal const byte LpiDefaultPriority = 0xa0;

    /// <inheritdoc/>
    protected internal override void OnDeliveryChanged(IrqDescriptor irq) => _intids.Refresh(irq.Intid, irq);

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        using EngineLock.Scope held = Lock.Enter();
        for (int i = 0; i < irqs.Length; i++)
        {
            uint intid = allocation.Intid + (uint)i;
            if (!IsSpi(intid) && !IsLpi(intid))
            {
                return Result.Fail(Errno.EINVAL, $"{Name} has no interrupt {intid}: it implements {Spis} SPIs and {Lpis} LPIs.");
            }

            if (_intids.Find(intid) is { } holder)
            {
                return Result.Fail(Errno.EBUSY, $"INTID {intid} of {Name} is {holder} already.");
            }
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            uint intid = allocation.Intid + (uint)i;
            irqs[i].Set(intid, _chip);
            irqs[i].Descriptor.Priority = LpiDefaultPriority;
            Reconsider(irqs[i].Descriptor);
            if (IsLpi(intid))
            {
                SetLpiConfiguration(intid, LpiDefaultPriority);
            }

            _intids.Set(intid, irqs[i].Descriptor);
            if (!IsLpi(intid))
            {
                _intids.Connect(intid, IntidSource.Frame);
            }
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        using EngineLock.Scope held = Lock.Enter();
        foreach (IrqData irq in irqs)
        {
            _intids.Set((uint)irq.HwIrq, null);
            irq.Descriptor.SetEnabled(false);
            ClearPending(irq.Descriptor);
        }
    }
}
