namespace Doorbell.Gic;

/// <summary>ITS commands by their encoding (IHI 0069, 5.3).</summary>
public enum ItsOpcode
{
    /// <summary>Route an event to another collection.</summary>
    Movi = 0x01,

    /// <summary>Set an event pending.</summary>
    Int = 0x03,

    /// <summary>Clear a pending event.</summary>
    Clear = 0x04,

    /// <summary>Wait until everything before has had its effect.</summary>
    Sync = 0x05,

    /// <summary>Map a DeviceID to an interrupt translation table.</summary>
    Mapd = 0x08,

    /// <summary>Map a collection to a redistributor.</summary>
    Mapc = 0x09,

    /// <summary>Map an event to an INTID and a collection.</summary>
    Mapti = 0x0a,

    /// <summary>The same with the INTID equal to the EventID.</summary>
    Mapi = 0x0b,

    /// <summary>Read an LPI's configuration again.</summary>
    Inv = 0x0c,

    /// <summary>Read the configuration of every LPI of a collection again.</summary>
    Invall = 0x0d,

    /// <summary>Move everything pending from one redistributor to another.</summary>
    Movall = 0x0e,

    /// <summary>Remove an event's mapping and its pending state.</summary>
    Discard = 0x0f,
}
