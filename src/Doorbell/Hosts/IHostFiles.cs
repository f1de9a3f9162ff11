namespace Doorbell.Hosts;

/// <summary>
/// A Linux host's files: of the machine this runs on, of a capture, of a directory. Paths are those of the live host (<c>/sys/bus/pci/devices/…</c>), whatever holds them.
/// </summary>
public interface IHostFiles
{
    /// <summary>What a person calls the host: <c>this machine</c>, <c>bug-1234.tar</c>.</summary>
    string Name { get; }

    /// <summary>Reads a file whole; configuration space may come short (64 bytes without root).</summary>
    HostFileStatus TryRead(string path, out byte[] content);

    /// <summary>Names in a directory, in ordinal order; none where there is no such directory (see <see cref="StatusOf"/>).</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Where a symbolic link points, as it is written; null where there is none.</summary>
    string? ReadLink(string path);

    /// <summary>Whether a file or directory is there and may be read.</summary>
    HostFileStatus StatusOf(string path);
}
