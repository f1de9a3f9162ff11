namespace Doorbell.Hosts;

/// <summary>A host's files held in memory: an unpacked capture, a synthesised host. Links are followed within it and never out of it.</summary>
/// <remarks>Filled once, then read by any number of threads.</remarks>
public sealed class HostSnapshot(string name) : IHostFiles
{
    // As many as Linux follows (MAXSYMLINKS).
    private const int MostLinks = 40;

    private readonly Node _root = new() { Children = NewChildren() };
    private int _changes;

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <summary>Files, links and directories in it: what it takes of memory, beside their content.</summary>
    public int Count { get; private set; }

    /// <summary>Puts a file there; one that was there before goes, and a directory with something in it stays.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="content">Kept, not copied.</param>
    public void AddFile(string path, byte[] content) => Put(path, above => new Node { Above = above, Content = content });

    /// <summary>Puts a symbolic link there.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="target">As <c>readlink</c> shows it.</param>
    public void AddLink(string path, string target) => Put(path, above => new Node { Above = above, Link = target });

    /// <summary>Puts a directory there, and those above it.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    public void AddDirectory(string path) => Directory(path);

    /// <summary>Says that something is there that could not be read: what is below it could not either.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    /// <param name="status">Not <see cref="HostFileStatus.Read"/>.</param>
    public void AddUnreadable(string path, HostFileStatus status) => Put(path, above => new Node { Above = above, Status = status });

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

    private void Put(string path, Func<Node, Node> make)
    {
        int slash = path.LastIndexOf('/');
        Node above = Directory(path.AsSpan(0, slash));
        string name = path[(slash + 1)..];
        if (above.Children!.TryGetValue(name, out Node? before) && before.Children is { Count: > 0 })
        {
            return;
        }

        Count += before is null ? 1 : 0;
        _changes++;
        above.Children[name] = make(above);
    }

    private Node Directory(ReadOnlySpan<char> path)
    {
        Node at = _root;
        foreach (Range range in path.Split('/'))
        {
            ReadOnlySpan<char> name = path[range];
            if (name.IsEmpty)
            {
                continue;
            }

            var names = at.Children!.GetAlternateLookup<ReadOnlySpan<char>>();
            bool isThere = names.TryGetValue(name, out Node? node);
            if (node?.Children is null)
            {
                Count += isThere ? 0 : 1;
                _changes++;
                names[name] = node = new Node { Above = at, Children = NewChildren() };
            }

            at = node;
        }

        return at;
    }

    private HostFileStatus Find(string path, out Node? found)
    {
        int links = 0;
        Node at = _root;
        HostFileStatus status = Walk(path, ref at, ref links, depth: 0);
        found = status == HostFileStatus.Read ? at : null;
        return status;
    }

    // Every link on the way is followed, the last one too; ".." leads to what something lies in, and not above the root.
    private HostFileStatus Walk(ReadOnlySpan<char> path, ref Node at, ref int links, int depth)
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
                at = at.Above ?? at;
                continue;
            }

            if (at.Children is not { } children || !children.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out Node? node))
            {
                return HostFileStatus.Missing;
            }

            if (node.Status != HostFileStatus.Read)
            {
                return node.Status;
            }

            if (node.Link is not { } link)
            {
                at = node;
                continue;
            }

            Way way = Follow(node, link, depth);
            links += way.Links;
            if (links > MostLinks)
            {
                return HostFileStatus.Failed;
            }

            if (way.Status != HostFileStatus.Read)
            {
                return way.Status;
            }

            at = way.End;
        }

        return HostFileStatus.Read;
    }

    // A link leads to one place from wherever one came, and is walked once: a stranger's can have thousands of steps. Only that it was one link too many can be
    // because of those before it, and is remembered where there were none.
    private Way Follow(Node node, string link, int depth)
    {
        if (node.Way is { } known && known.Changes == _changes)
        {
            return known;
        }

        if (depth == MostLinks)
        {
            return new Way(_changes, HostFileStatus.Failed, node, 1);
        }

        int links = 1;
        Node at = link.StartsWith('/') ? _root : node.Above!;
        HostFileStatus status = Walk(link, ref at, ref links, depth + 1);
        var way = new Way(_changes, status, at, links);
        if (depth == 0 || status != HostFileStatus.Failed)
        {
            node.Way = way;
        }

        return way;
    }

    // A file, a link, a directory, or what could not be read: one of the four.
    private sealed class Node
    {
        public Node? Above { get; init; }

        public byte[]? Content { get; init; }

        public string? Link { get; init; }

        public Dictionary<string, Node>? Children { get; init; }

        public HostFileStatus Status { get; init; }

        /// <summary>Where the link led when it was followed last; any thread may put it there, they all find the same.</summary>
        public Way? Way { get; set; }
    }

    // Where a link leads, over how many links with itself, and after how many changes of the files that was found.
    private sealed record Way(int Changes, HostFileStatus Status, Node End, int Links);
}
