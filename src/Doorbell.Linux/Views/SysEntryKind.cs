namespace Doorbell.Linux.Views;

/// <summary>What an entry of the view is.</summary>
public enum SysEntryKind
{
    /// <summary>A directory with nothing but what the view puts there.</summary>
    Directory,

    /// <summary>A file with fixed bytes.</summary>
    File,

    /// <summary>A file whose bytes the supervisor keeps up to date while the client runs.</summary>
    LiveFile,

    /// <summary>A symbolic link.</summary>
    Symlink,

    /// <summary>A character device the supervisor answers opens of.</summary>
    Node,
}
