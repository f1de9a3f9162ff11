namespace Doorbell.Hosts;

/// <summary>What became of reading one of a host's files.</summary>
public enum HostFileStatus
{
    /// <summary>It was read.</summary>
    Read,

    /// <summary>The host has no such file.</summary>
    Missing,

    /// <summary>It is there, and whoever asks (or whoever captured it) may not read it.</summary>
    NotPermitted,

    /// <summary>It is there and could not be read otherwise.</summary>
    Failed,
}
