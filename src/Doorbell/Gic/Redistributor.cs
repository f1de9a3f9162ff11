using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>A CPU's redistributor and CPU interface (IHI 0069, 12.10 and 12.2) as far as they decide whether an interrupt is taken now or waits.</summary>
/// <remarks>
/// Chosen: the handler is acknowledge, service and end of interrupt in one, so no interrupt is ever active and the running
/// priority is idle. GICR_CTLR.EnableLPIs may be cleared again (GICR_CTLR.CES); what is pending stays in the redistributor then
/// and is not written to the pending table.
/// </remarks>
public sealed class Redistributor
{
    private readonly GicDomain _gic;
    private bool _lpisEnabled = true;
    private bool _groupEnabled = true;
    private byte _priorityMask = 0xf0;

    internal Redistributor(GicDomain gic, int cpu, PhysicalAddress configurationTable, PhysicalAddress pendingTable)
    {
        _gic = gic;
        Cpu = cpu;
        ConfigurationTable = configurationTable;
        PendingTable = pendingTable;
    }

    /// <summary>Its CPU: what collections name (GITS_TYPER.PTA = 0).</summary>
    public int Cpu { get; }

    /// <summary>GICR_PROPBASER's address: a byte an LPI from 8192, the same table for every redistributor.</summary>
    public PhysicalAddress ConfigurationTable { get; }

    /// <summary>GICR_PENDBASER's address: a bit an INTID.</summary>
    public PhysicalAddress PendingTable { get; }

    /// <summary>GICR_CTLR.EnableLPIs.</summary>
    public bool LpisEnabled
    {
        get => Volatile.Read(ref _lpisEnabled);
        set
        {
            Volatile.Write(ref _lpisEnabled, value);
            _gic.Reconsider(this);
        }
    }

    /// <summary>ICC_IGRPEN1_EL1.Enable.</summary>
    public bool GroupEnabled
    {
        get => Volatile.Read(ref _groupEnabled);
        set
        {
            Volatile.Write(ref _groupEnabled, value);
            _gic.Reconsider(this);
        }
    }

    /// <summary>ICC_PMR_EL1: interrupts of a lower number (a higher priority) are taken. 0xf0 at the start, as Linux sets it. When it rises, what waits is taken in the order of priority, the lower INTID first among equals.</summary>
    public byte PriorityMask
    {
        get => Volatile.Read(ref _priorityMask);
        set
        {
            Volatile.Write(ref _priorityMask, value);
            _gic.Reconsider(this);
        }
    }

    /// <summary>LPIs pending here although their collection goes to another redistributor now (MAPC without MOVALL).</summary>
    internal HashSet<IrqDescriptor> LeftBehind { get; } = [];

    internal bool Takes(IrqDescriptor irq) =>
        _gic.IsEnabled && GroupEnabled && irq.Priority < PriorityMask && (LpisEnabled || !_gic.IsLpi(irq.Intid));

    /// <inheritdoc/>
    public override string ToString() => $"CPU {Cpu}, mask 0x{PriorityMask:x2}{(LpisEnabled ? "" : ", LPIs off")}{(GroupEnabled ? "" : ", group 1 off")}";
}
