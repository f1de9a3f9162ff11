using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>The driver of AMD-Vi's interrupt remapping as a level of the hierarchy: a table a device, consecutive aligned entries for multi-MSI (M1, M2).</summary>
public sealed class AmdDomain : RemappingDomain
{
    private readonly Dictionary<uint, AmdInterruptTable> _tables = [];
    private readonly AmdChip _chip;
    private readonly int _entries;

    /// <summary>The driver.</summary>
    /// <param name="unit">The hardware.</param>
    /// <param name="entries">Entries of each device's table.</param>
    public AmdDomain(AmdRemapping unit, int entries = AmdRemapping.DefaultEntries)
        : base(unit.Name, unit.Apic)
    {
        Unit = unit;
        _entries = entries;
        _chip = new AmdChip(this);
    }

    /// <summary>The hardware.</summary>
    public AmdRemapping Unit { get; }

    /// <summary>A table for the device, or one more user of the one its alias has.</summary>
    public override Result Prepare(IrqRequester requester, int count, out IrqDeviceContext? context)
    {
        if (_tables.TryGetValue(requester.DeviceId.Value, out AmdInterruptTable? table))
        {
            table.Users++;
        }
        else
        {
            table = new AmdInterruptTable(requester.DeviceId, _entries);
            _tables.Add(requester.DeviceId.Value, table);
            Unit.SetTable(requester.DeviceId, table);
        }

        context = table;
        return Result.Ok;
    }

    /// <summary>The last user gone, the device's interrupts are aborted again.</summary>
    public override void Unprepare(IrqDeviceContext? context)
    {
        var table = (AmdInterruptTable)context!;
        if (--table.Users == 0)
        {
            _tables.Remove(table.Device.Value);
            Unit.SetTable(table.Device, null);
        }
    }

    internal static AmdInterruptTable TableOf(IrqData irq) => (AmdInterruptTable)irq.ChipData!;

    internal override void Program(IrqData irq)
    {
        (int cpu, byte vector) = ApicDomain.VectorOf(irq).Current;

        // The table is the device's own, so there is nobody else to check for.
        Unit.Program(TableOf(irq), (uint)irq.HwIrq, new RemapEntry(cpu, vector, SourceCheck.Exactly(new RequesterId((ushort)irq.Descriptor.Requester.DeviceId.Value))), irq.Descriptor.Requester.Name);
    }

    /// <inheritdoc/>
    protected override Result OnAllocate(ReadOnlySpan<IrqData> irqs, in IrqAllocation allocation)
    {
        var table = (AmdInterruptTable?)allocation.Context
            ?? throw new InvalidOperationException($"{allocation.Requester.Name} allocates at {Name} without having prepared.");
        if (!table.Indexes.TryAllocate(irqs.Length, out uint index))
        {
            return Result.Fail(Errno.ENOSPC, $"{Name} has no {irqs.Length} entries in a row left for {allocation.Requester.Name}: {table.Indexes.InUse} of {table.Length} are in use.");
        }

        Result parent = AllocateParent(irqs, allocation);
        if (!parent.IsOk)
        {
            table.Indexes.Free(index, irqs.Length);
            return parent;
        }

        for (int i = 0; i < irqs.Length; i++)
        {
            irqs[i].Set(index + (uint)i, _chip, table);
        }

        return Result.Ok;
    }

    /// <inheritdoc/>
    protected override void OnFree(ReadOnlySpan<IrqData> irqs)
    {
        FreeParent(irqs);
        TableOf(irqs[0]).Indexes.Free((uint)irqs[0].HwIrq, irqs.Length);
    }

    /// <inheritdoc/>
    protected override void OnDeactivate(IrqData irq) => Unit.Program(TableOf(irq), (uint)irq.HwIrq, null, irq.Descriptor.Requester.Name);
}
