namespace Doorbell.Gic;

/// <summary>One command of an ITS's queue (IHI 0069, 5.3), its fields by the manual's names.</summary>
public readonly record struct ItsCommand
{
    private ItsCommand(ItsOpcode opcode) => Opcode = opcode;

    /// <summary>Which.</summary>
    public ItsOpcode Opcode { get; }

    /// <summary>The device.</summary>
    public DeviceId Device { get; private init; }

    /// <summary>The event of it.</summary>
    public EventId Event { get; private init; }

    /// <summary>The collection.</summary>
    public ushort Icid { get; private init; }

    /// <summary>The INTID of MAPTI.</summary>
    public uint PIntid { get; private init; }

    /// <summary>MAPD: bits of EventID minus one.</summary>
    public int Size { get; private init; }

    /// <summary>MAPD, MAPC: valid.</summary>
    public bool Valid { get; private init; }

    /// <summary>The redistributor, by CPU number (GITS_TYPER.PTA = 0). MOVALL: from here.</summary>
    public uint Target { get; private init; }

    /// <summary>MOVALL: to here.</summary>
    public uint Target2 { get; private init; }

    /// <summary>MAPD: where the ITT is, 256-byte aligned.</summary>
    public PhysicalAddress IttAddress { get; private init; }

    /// <summary>MAPD: an ITT for 2^(<paramref name="size"/>+1) events, or none.</summary>
    public static ItsCommand Mapd(DeviceId device, int size, bool valid, PhysicalAddress ittAddress = default) =>
        new(ItsOpcode.Mapd) { Device = device, Size = size, Valid = valid, IttAddress = ittAddress };

    /// <summary>MAPC.</summary>
    public static ItsCommand Mapc(ushort icid, uint target, bool valid) => new(ItsOpcode.Mapc) { Icid = icid, Target = target, Valid = valid };

    /// <summary>MAPTI.</summary>
    public static ItsCommand Mapti(DeviceId device, EventId eventId, uint pIntid, ushort icid) =>
        new(ItsOpcode.Mapti) { Device = device, Event = eventId, PIntid = pIntid, Icid = icid };

    /// <summary>MAPI: the INTID is the EventID.</summary>
    public static ItsCommand Mapi(DeviceId device, EventId eventId, ushort icid) => new(ItsOpcode.Mapi) { Device = device, Event = eventId, Icid = icid };

    /// <summary>MOVI.</summary>
    public static ItsCommand Movi(DeviceId device, EventId eventId, ushort icid) => new(ItsOpcode.Movi) { Device = device, Event = eventId, Icid = icid };

    /// <summary>MOVALL.</summary>
    public static ItsCommand Movall(uint from, uint to) => new(ItsOpcode.Movall) { Target = from, Target2 = to };

    /// <summary>DISCARD.</summary>
    public static ItsCommand Discard(DeviceId device, EventId eventId) => new(ItsOpcode.Discard) { Device = device, Event = eventId };

    /// <summary>INV.</summary>
    public static ItsCommand Inv(DeviceId device, EventId eventId) => new(ItsOpcode.Inv) { Device = device, Event = eventId };

    /// <summary>INVALL.</summary>
    public static ItsCommand Invall(ushort icid) => new(ItsOpcode.Invall) { Icid = icid };

    /// <summary>INT.</summary>
    public static ItsCommand Int(DeviceId device, EventId eventId) => new(ItsOpcode.Int) { Device = device, Event = eventId };

    /// <summary>CLEAR.</summary>
    public static ItsCommand Clear(DeviceId device, EventId eventId) => new(ItsOpcode.Clear) { Device = device, Event = eventId };

    /// <summary>SYNC.</summary>
    public static ItsCommand Sync(uint target) => new(ItsOpcode.Sync) { Target = target };

    /// <summary>As a trace prints it: <c>MAPTI DeviceID 0x8 EventID 0x0 ICID 0x3 pINTID 0x2003</c>.</summary>
    public override string ToString() => Opcode switch
    {
        ItsOpcode.Mapd => $"MAPD DeviceID {Device} Size 0x{Size:x} V {(Valid ? 1 : 0)}",
        ItsOpcode.Mapc => $"MAPC ICID 0x{Icid:x} RDbase 0x{Target:x} V {(Valid ? 1 : 0)}",
        ItsOpcode.Mapti => $"MAPTI DeviceID {Device} EventID 0x{Event.Value:x} ICID 0x{Icid:x} pINTID 0x{PIntid:x}",
        ItsOpcode.Mapi => $"MAPI DeviceID {Device} EventID 0x{Event.Value:x} ICID 0x{Icid:x}",
        ItsOpcode.Movi => $"MOVI DeviceID {Device} EventID 0x{Event.Value:x} ICID 0x{Icid:x}",
        ItsOpcode.Movall => $"MOVALL RDbase1 0x{Target:x} RDbase2 0x{Target2:x}",
        ItsOpcode.Invall => $"INVALL ICID 0x{Icid:x}",
        ItsOpcode.Sync => "SYNC",
        _ => $"{Opcode.ToString().ToUpperInvariant()} DeviceID {Device} EventID 0x{Event.Value:x}",
    };
}
