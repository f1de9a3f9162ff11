using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.X86.Events;

namespace Doorbell.X86;

/// <summary>Interrupt remapping of AMD-Vi, the hardware's side: a table a DeviceID, indexed by the message's data. <see cref="AmdDomain"/> is its driver.</summary>
/// <remarks>Modelled: fixed interrupts through the table (IntCtl 10b); a device without a table has its interrupts aborted, as Linux sets every device table entry up. Not modelled: guest virtual APIC, caches of entries.</remarks>
public sealed class AmdRemapping : IBusTarget
{
    /// <summary>Entries of a device's table where Linux makes it (DTE.IntTabLen 1001b).</summary>
    public const int DefaultEntries = 512;

    private const uint IndexMask = 0x7ff;
    private const int BusBits = 8;
    private const int Buses = 1 << BusBits;

    private readonly AmdInterruptTable?[]?[] _tables = new AmdInterruptTable?[Buses][];
    private readonly ApicDomain _apic;
    private readonly MsiReceiver _receiver;
    private readonly EventStream _events;

    /// <summary>A unit whose devices have no tables.</summary>
    /// <param name="name">Name: <c>amdvi</c>.</param>
    /// <param name="apic">The APICs behind it.</param>
    /// <param name="events">Where entries, deliveries and refusals are told.</param>
    public AmdRemapping(string name, ApicDomain apic, EventStream events)
    {
        Name = name;
        _apic = apic;
        _events = events;
        _receiver = new MsiReceiver(name, events);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The APICs behind it.</summary>
    public ApicDomain Apic => _apic;

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    /// <summary>An entry as the hardware sees it; null: not present, or the device has no table.</summary>
    public RemapEntry? Find(DeviceId device, uint index) => FindTable(device) is { } table && index < (uint)table.Length ? table.Read(index) : null;

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        uint index = write.Data & IndexMask;
        AmdInterruptTable? table = FindTable(write.DeviceId);
        while (true)
        {
            RemapEntry? entry = table is not null && index < (uint)table.Length ? table.Read(index) : null;
            if (entry is null)
            {
                return Refuse(write, table, index);
            }

            // As at VT-d: only what was found while the entry stood may be raised (N4).
            IrqDescriptor? irq = _apic.Find((uint)entry.Cpu, entry.Vector);
            if (ReferenceEquals(table!.Read(index), entry))
            {
                return irq is null ? Refuse(write, table, index) : _receiver.Raise(write, irq, entry.Vector, entry.Cpu);
            }
        }
    }

    internal void SetTable(DeviceId device, AmdInterruptTable? table)
    {
        ref AmdInterruptTable?[]? bus = ref _tables[(device.Value >> BusBits) & (Buses - 1)];
        if (bus is null)
        {
            Volatile.Write(ref bus, new AmdInterruptTable?[Buses]);
        }

        Volatile.Write(ref bus![device.Value & (Buses - 1)], table);
    }

    internal void Program(AmdInterruptTable table, uint index, RemapEntry? entry, string device)
    {
        table.Write(index, entry);
        if (_events.IsEnabled)
        {
            _events.Emit(new RemapEntryEvent(Name, device, index, entry));
        }
    }

    private AmdInterruptTable? FindTable(DeviceId device)
    {
        AmdInterruptTable?[]? bus = device.Value < Buses * Buses ? Volatile.Read(ref _tables[device.Value >> BusBits]) : null;
        return bus is null ? null : Volatile.Read(ref bus[device.Value & (Buses - 1)]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome Refuse(in BusWrite write, AmdInterruptTable? table, uint index)
    {
        string reason = !_receiver.TellsRefusals ? string.Empty
            : table is null ? $"DeviceID {write.DeviceId} has no interrupt table: its interrupts are aborted (IntCtl 00b)"
            : index >= (uint)table.Length ? $"entry 0x{index:x} is beyond the table of DeviceID {write.DeviceId} ({table.Length} entries)"
            : $"entry 0x{index:x} of DeviceID {write.DeviceId} is not enabled (RemapEn 0), or its vector is nobody's";
        return _receiver.Refuse(write, reason);
    }
}
