namespace Doorbell.Hosts;

/// <summary>How much of a host is read. Captures come from strangers, in whose files one link can stand for a thousand copies; no real host comes near.</summary>
internal static class HostLimits
{
    /// <summary>PCI functions, and IOMMU groups.</summary>
    public const int Functions = 1 << 15;

    /// <summary>Members of all groups together.</summary>
    public const int Members = 1 << 16;

    /// <summary>Reserved regions of a group: its functions all have them. Real ones have a handful.</summary>
    public const int Regions = 128;

    /// <summary>Lines of a function's <c>resource</c>: PCI_NUM_RESOURCES is 17 at most.</summary>
    public const int Resources = 32;

    /// <summary>Characters of a device's name (NAME_MAX).</summary>
    public const int NameLength = 255;

    /// <summary>Bytes of an attribute: sysfs gives one page, 64 KiB at most, and none of those that are read comes near.</summary>
    public const int AttributeBytes = 1 << 14;

    /// <summary>Bytes of all interrupt domains together: some 2 KiB each, one a device with MSIs.</summary>
    public const int DomainBytes = 1 << 25;

    /// <summary>Parameters of a module.</summary>
    public const int Parameters = 256;

    /// <summary>Bytes of <c>/proc/iomem</c>, <c>/proc/modules</c>.</summary>
    public const int TextBytes = 1 << 22;

    /// <summary>Bytes of <c>/proc/interrupts</c>: 11 for each CPU on each interrupt's line.</summary>
    public const int InterruptsBytes = 1 << 26;

    /// <summary>Things said to be unknown.</summary>
    public const int Unknown = 4096;
}
