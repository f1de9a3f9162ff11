namespace Doorbell.Gic;

/// <summary>Who may raise an INTID, in one word: an event of a device at an ITS, or whoever reaches the frame an SPI belongs to.</summary>
internal static class IntidSource
{
    /// <summary>Nobody.</summary>
    public const ulong None = 0;

    /// <summary>Any writer of a frame that does not look at who writes.</summary>
    public const ulong Frame = ulong.MaxValue;

    /// <summary>ITSs that have a number in a source, 1 to this; what comes through others is looked up each time.</summary>
    public const int MaxIts = 254;

    /// <summary>Bits of an EventID, as the ITS takes no more.</summary>
    public const int EventBits = GicV3Its.MaxEventIdBits;

    private const int ItsShift = 56;

    /// <summary>An event of a device at an ITS.</summary>
    public static ulong Event(int its, DeviceId device, uint eventId) => ((ulong)its << ItsShift) | ((ulong)device.Value << EventBits) | eventId;
}
