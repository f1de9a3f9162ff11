using System.Text;
using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>A capture's list of what its maker could not read, a line each: <c>not-permitted /sys/firmware/fdt</c>.</summary>
internal sealed class CaptureManifest
{
    /// <summary>Its name, at the capture's root.</summary>
    public const string FileName = "MANIFEST";

    private const string NotPermitted = "not-permitted ", Failed = "failed ";

    private readonly SortedDictionary<string, HostFileStatus> _unread = new(StringComparer.Ordinal);

    /// <summary>What was not read, and why.</summary>
    public IReadOnlyDictionary<string, HostFileStatus> Unread => _unread;

    public void Add(string path, HostFileStatus status) => _unread[path] = status;

    /// <summary>What it says of a file or of a directory above it; <see cref="HostFileStatus.Read"/> where nothing.</summary>
    public HostFileStatus StatusOf(string path)
    {
        if (_unread.Count == 0)
        {
            return HostFileStatus.Read;
        }

        for (string above = path; above.Length > 0; above = above[..above.LastIndexOf('/')])
        {
            if (_unread.TryGetValue(above, out HostFileStatus status))
            {
                return status;
            }
        }

        return HostFileStatus.Read;
    }

    /// <summary>Reads one; lines of another kind are for people.</summary>
    public static CaptureManifest Read(byte[] content)
    {
        var manifest = new CaptureManifest();
        foreach (string line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            if (line.StartsWith(NotPermitted + "/", StringComparison.Ordinal))
            {
                manifest.Add(line[NotPermitted.Length..], HostFileStatus.NotPermitted);
            }
            else if (line.StartsWith(Failed + "/", StringComparison.Ordinal))
            {
                manifest.Add(line[Failed.Length..], HostFileStatus.Failed);
            }
        }

        return manifest;
    }

    /// <summary>As it is written.</summary>
    public byte[] Write()
    {
        var text = new StringBuilder("doorbell capture 1\n");
        foreach ((string path, HostFileStatus status) in _unread)
        {
            text.Append(status == HostFileStatus.NotPermitted ? NotPermitted : Failed).Append(path).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
