namespace Doorbell.Hosts;

/// <summary>A host's files held in memory: an unpacked capture, a synthesised host. Links are followed within it and never out of it.</summary>
/// <remarks>Filled once, then read by any number of threads.</remarks>
public sealed class HostSnapshot(string name) : IHostFiles
{
    // As many as Linux follows (MAXSYMLINKS).
    private const int MostLinks = 40;

    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal) { ["/"] = new Node { Children = [] } };

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <summary>Puts a file there; one that was there before goes.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="content">Kept, not copied.</param>
    public void AddFile(string path, byte[] content) => Put(path, new Node { Content = content });

    /// <summary>Puts a symbolic link there.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="target">As <c>readlink</c> shows it.</param>
    public void AddLink(string path, string target) => Put(path, new Node { Link = target });

    /// <summary>Puts a directory there, and those above it.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    public void AddDirectory(string path) => Directory(path);

    /// <summary>Says that something is there that could not be read: what is below it could not either.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="status">Not <see cref="HostFileStatus.Read"/>.</param>
    public void AddUnreadable(string path, HostFileStatus status) => Put(path, new Node { Status = status });

    /// <inheritdoc/>
    public HostFileStatus TryRead(string path, out byte[] content)
    {
        HostFileStatus status = Find(path, out Node? node);
        content = node?.Content ?? [];
        return status != HostFileStatus.Read || node!.Content is not null ? status : HostFileStatus.Failed;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        if (Find(directory, out Node? node) != HostFileStatus.Read || node!.Children is not { } children)
        {
            return [];
        }

        string[] names = [.. children];
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    /// <inheritdoc/>
    public string? ReadLink(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash >= 0 && TryResolve(path[..slash], out string above, out _) && _nodes.TryGetValue(Join(above, path[(slash + 1)..]), out Node? node) ? node.Link : null;
    }

    /// <inheritdoc/>
    public HostFileStatus StatusOf(string path) => Find(path, out _);

    private void Put(string path, Node node)
    {
        int slash = path.LastIndexOf('/');
        Node above = Directory(path[..slash]);
        if (_nodes.TryGetValue(path, out Node? before) && before.Children is { Count: > 0 })
        {
            return; // what is below it says more than the file could
        }

        above.Children!.Add(path[(slash + 1)..]);
        _nodes[path] = node;
    }

    private Node Directory(string path)
    {
        if (path.Length == 0)
        {
            path = "/";
        }

        if (_nodes.TryGetValue(path, out Node? node) && node.Children is not null)
        {
            return node;
        }

        int slash = path.LastIndexOf('/');
        Directory(path[..slash]).Children!.Add(path[(slash + 1)..]);
        return _nodes[path] = new Node { Children = new HashSet<string>(StringComparer.Ordinal) };
    }

    private HostFileStatus Find(string path, out Node? node)
    {
        // Almost every path is a file's own, or one below a link that was asked for before.
        if (!_nodes.TryGetValue(path, out node) || node.Link is not null)
        {
            node = TryResolve(path, out string resolved, out HostFileStatus status) ? _nodes.GetValueOrDefault(resolved) : null;
            if (node is null)
            {
                return status;
            }
        }

        return node.Status;
    }

    // Every link on the way followed, the last one too. Where it does not lead anywhere, why.
    private bool TryResolve(string path, out string resolved, out HostFileStatus status)
    {
        int links = 0;
        var left = new Stack<string>();
        Push(left, path);
        resolved = "/";
        while (left.TryPop(out string? name))
        {
            if (name == "..")
            {
                resolved = Above(resolved);
                continue;
            }

            string next = Join(resolved, name);
            if (!_nodes.TryGetValue(next, out Node? node) || node.Status != HostFileStatus.Read)
            {
                status = node?.Status ?? HostFileStatus.Missing;
                return false;
            }

            if (node.Link is null)
            {
                resolved = next;
                continue;
            }

            if (++links > MostLinks)
            {
                status = HostFileStatus.Failed;
                return false;
            }

            resolved = node.Link.StartsWith('/') ? "/" : resolved;
            Push(left, node.Link);
        }

        status = HostFileStatus.Read;
        return true;
    }

    private static void Push(Stack<string> left, string path)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = names.Length - 1; i >= 0; i--)
        {
            if (names[i] != ".")
            {
                left.Push(names[i]);
            }
        }
    }

    private static string Join(string above, string name) => above.Length <= 1 ? "/" + name : $"{above}/{name}";

    private static string Above(string path) => path.LastIndexOf('/') is > 0 and int slash ? path[..slash] : "/";

    // A file, a link, a directory, or what could not be read: one of the four.
    private sealed class Node
    {
        public byte[]? Content { get; init; }

        public string? Link { get; init; }

        public HashSet<string>? Children { get; init; }

        public HostFileStatus Status { get; init; }
    }
}
