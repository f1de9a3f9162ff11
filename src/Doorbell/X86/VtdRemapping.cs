using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Interrupts;
using Doorbell.X86.Events;

namespace Doorbell.X86;

/// <summary>Interrupt remapping of VT-d, the hardware's side (VT-d 5.1): the table, and the address range that devices write to. <see cref="VtdDomain"/> is its driver.</summary>
/// <remarks>
/// An entry says whose writes it takes, so a device can raise its own interrupts only (M1, N4). Modelled: the remappable format with and
/// without subhandle, source validation, compatibility format blocked (extended interrupt mode, as Linux sets it). Not modelled: posted interrupts,
/// delivery modes other than fixed, and the cache of entries, which is always up to date.
/// </remarks>
public sealed class VtdRemapping : IBusTarget
{
    /// <summary>Most entries a table has (IRTA.S).</summary>
    public const int MaxEntries = 1 << 16;

    private readonly RemapEntry?[] _entries;
    private readonly ApicDomain _apic;
    private readonly MsiReceiver _receiver;
    private readonly EventStream _events;

    /// <summary>A unit with an empty table.</summary>
    /// <param name="name">Name: <c>vtd</c>.</param>
    /// <param name="apic">The APICs behind it.</param>
    /// <param name="events">Where entries, deliveries and refusals are told.</param>
    /// <param name="entries">Entries of the table, a power of two up to <see cref="MaxEntries"/>, which is what Linux makes.</param>
    public VtdRemapping(string name, ApicDomain apic, EventStream events, int entries = MaxEntries)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entries, MaxEntries);
        if (!int.IsPow2(entries))
        {
            throw new ArgumentOutOfRangeException(nameof(entries), entries, "a table has a power of two of entries");
        }

        Name = name;
        _apic = apic;
        _events = events;
        _entries = new RemapEntry?[entries];
        _receiver = new MsiReceiver(name, events);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Entries of the table.</summary>
    public int Entries => _entries.Length;

    /// <summary>The APICs behind it.</summary>
    public ApicDomain Apic => _apic;

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    /// <summary>An entry as the hardware sees it; null: not present.</summary>
    public RemapEntry? this[uint index] => Volatile.Read(ref _entries[index]);

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        if ((write.Offset & InterruptAddress.Remappable) == 0)
        {
            return Refuse(write, 0, Why.Compatible);
        }

        uint index = InterruptAddress.HandleOf(write.Offset);
        if ((write.Offset & InterruptAddress.SubhandleValid) != 0)
        {
            if (write.Data > ushort.MaxValue)
            {
                return Refuse(write, index, Why.Reserved);
            }

            index += write.Data;
        }

        while (true)
        {
            if (index >= (uint)_entries.Length)
            {
                return Refuse(write, index, Why.Beyond);
            }

            RemapEntry? entry = Volatile.Read(ref _entries[index]);
            if (entry is null)
            {
                return Refuse(write, index, Why.NotPresent);
            }

            if (!entry.Source.Accepts(SourceOf(write)))
            {
                return Refuse(write, index, Why.Source);
            }

            // The vector may have gone to another interrupt meanwhile: only what was found while the entry stood may be raised (N4).
            // The same object, not one that says the same: an entry that went and came back is another.
            IrqDescriptor? irq = _apic.Find((uint)entry.Cpu, entry.Vector);
            if (ReferenceEquals(Volatile.Read(ref _entries[index]), entry))
            {
                return irq is null ? Refuse(write, index, Why.NoInterrupt) : _receiver.Raise(write, irq, entry.Vector, entry.Cpu);
            }
        }
    }

    // The source ID as the board brings it to the unit: the requester ID, unless its msi-map says otherwise.
    private static RequesterId SourceOf(in BusWrite write) => new((ushort)write.DeviceId.Value);

    /// <summary>Writes an entry and invalidates what is cached of it; null clears it.</summary>
    internal void Program(uint index, RemapEntry? entry, string device)
    {
        Volatile.Write(ref _entries[index], entry);
        if (_events.IsEnabled)
        {
            _events.Emit(new RemapEntryEvent(Name, device, index, entry));
        }
    }

    private enum Why
    {
        Compatible,
        Reserved,
        Beyond,
        NotPresent,
        Source,
        NoInterrupt,
    }

    // The numbers are the manual's fault reasons (VT-d 7.1.3).
    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome Refuse(in BusWrite write, uint index, Why why)
    {
        string reason = !_receiver.TellsRefusals ? string.Empty : why switch
        {
            Why.Compatible => "25h: an interrupt in compatibility format is blocked while remapping is on",
            Why.Reserved => $"20h: data 0x{write.Data:x} beside a subhandle has bits that are reserved",
            Why.Beyond => $"21h: entry 0x{index:x} is beyond the table ({_entries.Length} entries)",
            Why.NotPresent => $"22h: entry 0x{index:x} is not present",
            Why.Source => $"26h: entry 0x{index:x} takes writes of {this[index]?.Source ?? default}, not of {SourceOf(write)}",
            _ => $"the vector of entry 0x{index:x} is nobody's",
        };
        return _receiver.Refuse(write, reason);
    }
}
