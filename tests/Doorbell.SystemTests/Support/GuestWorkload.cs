namespace Doorbell.SystemTests.Support;

/// <summary>What a guest does with its disk.</summary>
/// <param name="Mebibytes">How much it writes and reads back; a power of two.</param>
/// <param name="Boots">2: it reboots then, in the same QEMU, and reads what it wrote.</param>
internal sealed record GuestWorkload(int Mebibytes, int Boots)
{
    /// <summary>Where the guest writes on its disk.</summary>
    public const int OffsetMebibytes = 8;

    /// <summary>64 MiB, and a reboot later still.</summary>
    public static GuestWorkload Full { get; } = new(64, 2);

    /// <summary>Enough for every vector to come.</summary>
    public static GuestWorkload Small { get; } = new(16, 1);

    /// <summary>A disk with room on both sides of what the guest writes.</summary>
    public int DiskMebibytes => (2 * OffsetMebibytes) + Mebibytes;

    /// <summary>Its words on the kernel's command line.</summary>
    public string Words => $"doorbell.offset_mib={OffsetMebibytes} doorbell.mib={Mebibytes} doorbell.boots={Boots}";
}
