namespace Doorbell.Linux.Hosts;

/// <summary>What an entry of a tar is.</summary>
internal enum TarEntryKind
{
    /// <summary>A file; its content follows.</summary>
    File,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    SymbolicLink,

    /// <summary>A hard link: the content of a file that came before.</summary>
    HardLink,

    /// <summary>A device, a pipe or what this reader does not know: nothing of a host's files.</summary>
    Other,
}
