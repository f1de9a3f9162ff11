namespace Doorbell.Fabric;

/// <summary>A 32-bit write as it arrives at a frame: where, what, and who wrote it (the sideband DeviceID of an ITS).</summary>
/// <param name="Offset">Bytes from the frame's base.</param>
/// <param name="Data">The payload.</param>
/// <param name="DeviceId">The writer as the MSI controller knows it (msi-map, IORT).</param>
/// <param name="RequesterId">The writer as the PCI bus knows it.</param>
public readonly record struct BusWrite(ulong Offset, uint Data, DeviceId DeviceId, RequesterId RequesterId);

/// <summary>What came of a write to a frame.</summary>
public enum BusWriteOutcome
{
    /// <summary>An interrupt was delivered to its handler.</summary>
    Delivered,

    /// <summary>An interrupt was made pending (masked or disabled).</summary>
    Pending,

    /// <summary>The frame took the write and did nothing with it (another register, reserved space).</summary>
    Ignored,

    /// <summary>The controller refused it; it has emitted why (N4).</summary>
    Refused,
}

/// <summary>Something that decodes at a physical address: an MSI frame, for one.</summary>
public interface IBusTarget
{
    /// <summary>Name for people: <c>its@8080000</c>.</summary>
    string Name { get; }

    /// <summary>A 32-bit write by a device. Neither locks nor allocates while nobody traces.</summary>
    BusWriteOutcome Write32(in BusWrite write);

    /// <summary>The same for a message that the device keeps and will send again.</summary>
    /// <param name="write">The write.</param>
    /// <param name="hint">Kept beside the message.</param>
    BusWriteOutcome Write32(in BusWrite write, ref MsiHint hint) => Write32(write);
}
