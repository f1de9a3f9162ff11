namespace Doorbell.Hosts;

/// <summary>What would tell what is not known, in words that are the same everywhere.</summary>
public static class HostRemedies
{
    /// <summary>A file that only root may read.</summary>
    public const string RunAsRoot = "run as root";

    /// <summary>The interrupt domains of a running kernel.</summary>
    public const string MountDebugFs = "mount -t debugfs none /sys/kernel/debug, on a kernel with CONFIG_GENERIC_IRQ_DEBUGFS, and run as root";

    /// <summary>A file that a capture lacks.</summary>
    public const string CaptureAgain = "doorbell capture on the machine itself, as root";
}
