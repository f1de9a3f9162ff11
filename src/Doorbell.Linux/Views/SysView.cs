using System.Text;

namespace Doorbell.Linux.Views;

/// <summary>
/// What the client sees below /sys and /dev in place of this computer's own (T10): the described machine's PCI devices, IOMMU groups
/// and VFIO nodes. An entry replaces the real one whole; everything not named here stays real.
/// </summary>
public sealed class SysView
{
    private readonly List<SysEntry> _entries = [];
    private readonly List<string> _hidden = [];
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);

    /// <summary>The entries, a directory before what is in it.</summary>
    public IReadOnlyList<SysEntry> Entries => _entries;

    /// <summary>Real things that are not to be seen; a path may end with <c>*</c>.</summary>
    public IReadOnlyList<string> Hidden => _hidden;

    /// <summary>Names a real thing that is not to be seen.</summary>
    public SysView Hide(string path)
    {
        _hidden.Add(path);
        return this;
    }

    /// <summary>A directory, which may be there already.</summary>
    public SysView Directory(string path)
    {
        if (_paths.Add(path))
        {
            _entries.Add(new SysEntry(SysEntryKind.Directory, path, default, 0x1ed /* 0755 */));
        }

        return this;
    }

    /// <summary>A read-only text file.</summary>
    public SysView File(string path, string text) => File(path, Encoding.UTF8.GetBytes(text));

    /// <summary>A read-only file.</summary>
    public SysView File(string path, ReadOnlyMemory<byte> content) => Add(new SysEntry(SysEntryKind.File, path, content, 0x124 /* 0444 */));

    /// <summary>A file that starts with these bytes and that the supervisor keeps up to date; only its owner may write, as in sysfs, and the view's mount refuses that too.</summary>
    public SysView LiveFile(string path, ReadOnlyMemory<byte> content) => Add(new SysEntry(SysEntryKind.LiveFile, path, content, 0x1a4 /* 0644 */));

    /// <summary>A file that the kernel's own can be written to (0644); the view is read-only, so here a write is refused.</summary>
    public SysView Settable(string path, string text) => Add(new SysEntry(SysEntryKind.File, path, Encoding.UTF8.GetBytes(text), 0x1a4 /* 0644 */));

    /// <summary>A file that is there to be written to alone (0200), as <c>unbind</c>; here a write is refused.</summary>
    public SysView Trigger(string path) => Add(new SysEntry(SysEntryKind.File, path, default, 0x80 /* 0200 */));

    /// <summary>A symbolic link.</summary>
    public SysView Symlink(string path, string target) =>
        Add(new SysEntry(SysEntryKind.Symlink, path, Encoding.UTF8.GetBytes(target), 0x1ff /* 0777 */));

    /// <summary>A device node whose opens the supervisor answers.</summary>
    public SysView Node(string path) => Add(new SysEntry(SysEntryKind.Node, path, default, 0x1b6 /* 0666 */));

    /// <summary>Any entry, as another process had it.</summary>
    internal SysView Add(SysEntry entry)
    {
        if (!_paths.Add(entry.Path))
        {
            throw new ArgumentException($"{entry.Path} is in the view already", nameof(entry));
        }

        _entries.Add(entry);
        return this;
    }
}
