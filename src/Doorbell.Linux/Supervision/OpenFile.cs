namespace Doorbell.Linux.Supervision;

/// <summary>An inode of the tmpfs of emulated files that somebody has open.</summary>
/// <param name="file">What answers for it.</param>
/// <param name="inode">Its number.</param>
/// <param name="watch">By which inotify names it.</param>
/// <param name="pathFd">Leads to it without keeping it open; -1 where <paramref name="memory"/> does.</param>
/// <param name="memory">What is shared with clients; null where nothing is.</param>
internal sealed class OpenFile(ClientFile file, ulong inode, int watch, int pathFd, FileMemory? memory = null)
{
    internal ClientFile File => file;

    internal ulong Inode => inode;

    internal int Watch => watch;

    internal int PathFd => pathFd;

    internal FileMemory? Memory => memory;

    /// <summary>A close of it was told, and nobody has looked since.</summary>
    internal bool IsTold { get; set; }

    /// <summary>When a close of it was told last (Environment.TickCount64).</summary>
    internal long SuspectedAt { get; set; }

    /// <summary>When it was last looked whether it is open.</summary>
    internal long LookedAt { get; set; }

    /// <summary>Its place among the suspects; null where it is none.</summary>
    internal LinkedListNode<OpenFile>? Place { get; set; }
}
