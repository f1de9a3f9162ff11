namespace Doorbell.Hosts;

/// <summary>What of a file is looked at.</summary>
public enum HostInventoryKind
{
    /// <summary>Its content.</summary>
    File,

    /// <summary>Where it points.</summary>
    Link,

    /// <summary>That it is there, and what is in it.</summary>
    Directory,
}
