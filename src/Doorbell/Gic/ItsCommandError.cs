namespace Doorbell.Gic;

/// <summary>Why an ITS does not execute a command: the last part of the manual's names, e.g. MAPTI_UNMAPPED_DEVICE (IHI 0069, 5.3, "Command errors").</summary>
public enum ItsCommandError
{
    /// <summary>It did.</summary>
    None,

    /// <summary>DEVICE_OOR: the DeviceID has more bits than the ITS supports.</summary>
    DeviceOutOfRange,

    /// <summary>ITTSIZE_OOR: MAPD's Size asks for more EventID bits than the ITS supports.</summary>
    IttSizeOutOfRange,

    /// <summary>PROCNUM_OOR: no such redistributor.</summary>
    TargetOutOfRange,

    /// <summary>COLLECTION_OOR: the ICID is beyond the collection table.</summary>
    CollectionOutOfRange,

    /// <summary>UNMAPPED_DEVICE: no MAPD for the DeviceID.</summary>
    UnmappedDevice,

    /// <summary>ID_OOR: the EventID is beyond the device's ITT.</summary>
    EventOutOfRange,

    /// <summary>PHYSICALID_OOR: the INTID is no LPI of this GIC.</summary>
    PhysicalIdOutOfRange,

    /// <summary>UNMAPPED_INTERRUPT: no MAPTI for the event.</summary>
    UnmappedInterrupt,

    /// <summary>UNMAPPED_COLLECTION: no MAPC for the ICID.</summary>
    UnmappedCollection,

    /// <summary>No such command, or one of virtual LPIs.</summary>
    UnknownCommand,

    /// <summary>The queue entry could not be read.</summary>
    QueueUnreadable,
}
