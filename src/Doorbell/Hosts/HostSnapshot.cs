namespace Doorbell.Hosts;

/// <summary>A host's files held in memory: an unpacked capture, a synthesised host. Links are followed within it and never out of it.</summary>
/// <remarks>Filled once, then read by any number of threads.</remarks>
public sealed class HostSnapshot(string name) : IHostFiles
{
    // As many as Linux follows (MAXSYMLINKS).
    private const int MostLinks = 40;

    private readonly Node _root = new() { Children = NewChildren() };

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <summary>Files, links and directories in it: what it takes of memory, beside their content.</summary>
    public int Count { get; private set; }

    /// <summary>Puts a file there; one that was there before goes, and a directory with something in it stays.</summary>
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

        string[] names = [.. children.Keys];
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    /// <inheritdoc/>
    public string? ReadLink(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash >= 0 && Find(path[..slash], out Node? above) == HostFileStatus.Read && above!.Children is { } children && children.TryGetValue(path[(slash + 1)..], out Node? node) ? node.Link : null;
    }

    /// <inheritdoc/>
    public HostFileStatus StatusOf(string path) => Find(path, out _);

    private static Dictionary<string, Node> NewChildren() => new(StringComparer.Ordinal);

    private void Put(string path, Node node)
    {
        int slash = path.LastIndexOf('/');
        Dictionary<string, Node> above = Directory(path.AsSpan(0, slash));
        string name = path[(slash + 1)..];
        if (above.TryGetValue(name, out Node? before) && before.Children is { Count: > 0 })
        {
            return;
        }

        Count += before is null ? 1 : 0;
        above[name] = node;
    }

    private Dictionary<string, Node> Directory(ReadOnlySpan<char> path)
    {
        Dictionary<string, Node> children = _root.Children!;
        foreach (Range range in path.Split('/'))
        {
            ReadOnlySpan<char> name = path[range];
            if (name.IsEmpty)
            {
                continue;
            }

            var names = children.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!names.TryGetValue(name, out Node? node))
            {
                Count++;
                names[name] = node = new Node { Children = NewChildren() };
            }
            else if (node.Children is null)
            {
                names[name] = node = new Node { Children = NewChildren() };
            }

            children = node.Children!;
        }

        return children;
    }

    // Every link on the way is followed, the last one too; ".." leads up the way that was gone, and not above the root.
    private HostFileStatus Find(string path, out Node? found)
    {
        found = null;
        int links = 0;
        var way = new Stack<Node>();
        way.Push(_root);
        HostFileStatus status = Walk(path, way, ref links);
        if (status == HostFileStatus.Read)
        {
            found = way.Peek();
        }

        return status;
    }

    private static HostFileStatus Walk(ReadOnlySpan<char> path, Stack<Node> way, ref int links)
    {
        foreach (Range range in path.Split('/'))
        {
            ReadOnlySpan<char> name = path[range];
            if (name is "" or ".")
            {
                continue;
            }

            if (name is "..")
            {
                if (way.Count > 1)
                {
                    way.Pop();
                }

                continue;
            }

            if (way.Peek().Children is not { } children || !children.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out Node? node))
            {
                return HostFileStatus.Missing;
            }

            if (node.Status != HostFileStatus.Read)
            {
                return node.Status;
            }

            if (node.Link is not { } link)
            {
                way.Push(node);
                continue;
            }

            if (++links > MostLinks)
            {
                return HostFileStatus.Failed;
            }

            while (link.StartsWith('/') && way.Count > 1)
            {
                way.Pop();
            }

            HostFileStatus followed = Walk(link, way, ref links);
            if (followed != HostFileStatus.Read)
            {
                return followed;
            }
        }

        return HostFileStatus.Read;
    }

    // A file, a link, a directory, or what could not be read: one of the four.
    private sealed class Node
    {
        public byte[]? Content { get; init; }

        public string? Link { get; init; }

        public Dictionary<string, Node>? Children { get; init; }

        public HostFileStatus Status { get; init; }
    }
}
