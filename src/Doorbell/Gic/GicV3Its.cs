using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>
/// A GICv3 Interrupt Translation Service (IHI 0069, chapter 5), the hardware's side: tables, commands, and the
/// translation frame devices write to. <see cref="ItsDomain"/> is its driver.
/// </summary>
/// <remarks>
/// What a device may raise is looked up under its own DeviceID, so it can raise its own interrupts only (M1, N4).
/// Modelled: physical LPIs, the control frame with its command queue (<see cref="ItsControlFrame"/>), tables whose size
/// software gives. Not modelled: virtual LPIs (GICv4), and what a table's memory holds beyond the first level of a
/// two-level one - the ITS has all of it cached.
/// </remarks>
public sealed class GicV3Its : IBusTarget
{
    /// <summary>The translation frame's offset from the ITS's base; it is 64 KiB (IHI 0069, 12.18).</summary>
    public const ulong TranslationFrameOffset = 0x1_0000;

    /// <summary>Size of the translation frame.</summary>
    public const ulong TranslationFrameSize = 0x1_0000;

    /// <summary>GITS_TRANSLATER's offset in the translation frame.</summary>
    public const ulong TranslaterOffset = 0x40;

    /// <summary>Most bits of EventID it takes. The architecture's field holds up to 32 (GITS_TYPER.ID_bits), but no INTID has more than 24, so an ITT of more entries could not be filled.</summary>
    public const int MaxEventIdBits = 24;

    private readonly ItsTables _tables;
    private readonly ItsCommandProcessor _processor;
    private readonly MsiReceiver _receiver;
    private readonly EventStream _events;
    private readonly int _ownNumber;
    private int _number;
    private long _commandErrors;

    /// <summary>An ITS.</summary>
    /// <param name="name">Name: <c>its@8080000</c>.</param>
    /// <param name="base">Physical base of its two frames.</param>
    /// <param name="gic">The GIC whose LPIs it raises.</param>
    /// <param name="events">Where commands, deliveries and refusals are told.</param>
    /// <param name="deviceIdBits">GITS_TYPER.Devbits + 1: 1 to 32.</param>
    /// <param name="eventIdBits">GITS_TYPER.ID_bits + 1: 1 to <see cref="MaxEventIdBits"/>.</param>
    /// <param name="twoLevelDeviceTable">False where GITS_BASERn.Indirect of the device table is RES0.</param>
    /// <param name="hardwareCollections">GITS_TYPER.HCC: collections it keeps without a table, 0 to 255.</param>
    public GicV3Its(string name, PhysicalAddress @base, GicDomain gic, EventStream events, int deviceIdBits = 20, int eventIdBits = 16, bool twoLevelDeviceTable = true, int hardwareCollections = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(deviceIdBits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(deviceIdBits, 32);
        ArgumentOutOfRangeException.ThrowIfLessThan(eventIdBits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(eventIdBits, MaxEventIdBits);
        if (gic.Lpis == 0)
        {
            throw new ArgumentException($"{gic.Name} has no LPIs, so {name} could raise nothing.", nameof(gic));
        }

        Name = name;
        Base = @base;
        Gic = gic;
        EventIdBits = eventIdBits;
        DeviceIdBits = deviceIdBits;
        _events = events;
        _tables = new ItsTables(deviceIdBits);
        ControlFrame = new ItsControlFrame(this, twoLevelDeviceTable, hardwareCollections);
        _ownNumber = gic.NumberIts() is int number and <= IntidSource.MaxIts ? number : 0;
        _processor = new ItsCommandProcessor(_tables, ControlFrame, gic, eventIdBits, _ownNumber);
        _receiver = new MsiReceiver(name, events);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Physical base of the control frame.</summary>
    public PhysicalAddress Base { get; }

    /// <summary>Physical base of the translation frame: where this target decodes, <see cref="TranslationFrameSize"/> bytes.</summary>
    public PhysicalAddress TranslationFrame => Base + TranslationFrameOffset;

    /// <summary>Physical address of GITS_TRANSLATER: the doorbell.</summary>
    public PhysicalAddress Doorbell => TranslationFrame + TranslaterOffset;

    /// <summary>Its registers and command queue.</summary>
    public ItsControlFrame ControlFrame { get; }

    /// <summary>The GIC whose LPIs it raises.</summary>
    public GicDomain Gic { get; }

    /// <summary>Bits of a DeviceID.</summary>
    public int DeviceIdBits { get; }

    /// <summary>Bits of an EventID.</summary>
    public int EventIdBits { get; }

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    /// <summary>MSIs that had to wait because their LPI was disabled.</summary>
    public long Pended => _receiver.Pending;

    /// <summary>Commands not executed because of an error.</summary>
    public long CommandErrors => Interlocked.Read(ref _commandErrors);

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        MsiHint none = default;
        return Write32(write, ref none);
    }

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write, ref MsiHint hint)
    {
        if (write.Offset != TranslaterOffset)
        {
            return BusWriteOutcome.Ignored;
        }

        // Almost always the translation is what it was: then the interrupt itself says so, and no table is walked.
        return write.Data >> MaxEventIdBits == 0 && !_receiver.Tracing && Gic.TryDeliver(hint.Value, IntidSource.Event(_number, write.DeviceId, write.Data))
            ? BusWriteOutcome.Delivered
            : Translate(write, ref hint);
    }

    private BusWriteOutcome Translate(in BusWrite write, ref MsiHint hint)
    {
        if (!ControlFrame.IsEnabled)
        {
            return Refuse(write, Why.Disabled);
        }

        ItsTableEntry[]? device = _tables.GetDevice(write.DeviceId);
        if (device is null || write.Data >= (uint)device.Length)
        {
            return RefuseDevice(write, device);
        }

        ref ItsTableEntry entry = ref device[write.Data];
        ItsTranslation translation = entry.Read();
        while (true)
        {
            if (!translation.IsValid)
            {
                return Refuse(write, Why.Unmapped);
            }

            if (!_tables.TryGetTarget(translation.Icid, out int cpu))
            {
                return Refuse(write, Why.Collection);
            }

            hint.Value = translation.Intid;
            if (!_receiver.Tracing && Gic.TryDeliver(translation.Intid, IntidSource.Event(_number, write.DeviceId, write.Data)))
            {
                return BusWriteOutcome.Delivered;
            }

            IrqDescriptor? irq = Gic.Find(translation.Intid);

            // A concurrent DISCARD may have freed the INTID, and another device may hold it already: only what was
            // read while the entry stood may be raised (N4). The descriptor itself never changes hands.
            ItsTranslation again = entry.Read();
            if (again == translation)
            {
                return irq is null ? Refuse(write, Why.NoInterrupt) : _receiver.Raise(write, irq, translation.Intid, cpu);
            }

            translation = again;
        }
    }

    /// <summary>Executes a command as the queue does with what it has read: done when this returns. An error changes nothing and is told.</summary>
    public ItsCommandError Submit(in ItsCommand command)
    {
        ItsCommandError error;
        using (Gic.Lock.Enter())
        {
            error = _processor.Execute(command);
        }

        Tell(command, error);
        return error;
    }

    /// <summary>GITS_CTLR.Enabled has changed. Off, the shortcut of a delivery is off too.</summary>
    internal void OnEnabled(bool enabled) => Volatile.Write(ref _number, enabled ? _ownNumber : 0);

    internal void Tell(in ItsCommand command, ItsCommandError error)
    {
        if (error != ItsCommandError.None)
        {
            Interlocked.Increment(ref _commandErrors);
        }

        if (_events.IsEnabled)
        {
            _events.Emit(new ItsCommandEvent { Its = Name, Command = command, Error = error });
        }
    }

    private enum Why
    {
        Unmapped,
        Collection,
        NoInterrupt,
        Disabled,
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome RefuseDevice(in BusWrite write, ItsTableEntry[]? device)
    {
        string reason = !_receiver.TellsRefusals ? string.Empty
            : device is not null ? $"EventID {write.Data} is beyond the ITT of DeviceID {write.DeviceId} ({device.Length} events)"
            : write.DeviceId.Value >= _tables.DeviceLimit ? $"DeviceID {write.DeviceId} has more than {DeviceIdBits} bits"
            : $"no device table entry for DeviceID {write.DeviceId}: no MAPD";
        return _receiver.Refuse(write, reason);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private BusWriteOutcome Refuse(in BusWrite write, Why why)
    {
        string reason = !_receiver.TellsRefusals ? string.Empty : why switch
        {
            Why.Unmapped => $"EventID {write.Data} of DeviceID {write.DeviceId} is not mapped: no MAPTI",
            Why.Disabled => "the ITS is disabled (GITS_CTLR.Enabled)",
            Why.Collection => $"the collection of EventID {write.Data} of DeviceID {write.DeviceId} is not mapped: no MAPC",
            _ => $"the LPI of EventID {write.Data} of DeviceID {write.DeviceId} is nobody's",
        };
        return _receiver.Refuse(write, reason);
    }
}
