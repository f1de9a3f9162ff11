using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>
/// What makes pseudo-terminals work in the view. Opening the multiplexer, /dev/ptmx, makes the kernel look for the devpts mount under the
/// name <c>pts</c> beside the node that is opened, so that a node bound alone has none (devpts(5), ENOENT).
/// </summary>
internal sealed class RealDevices : IDisposable
{
    /// <summary>The directory.</summary>
    internal const string Root = "/dev";

    /// <summary>What opens a new pseudo-terminal.</summary>
    internal const string Multiplexer = "/dev/ptmx";

    private const int NotADirectory = -20; // ENOTDIR
    private const string Copy = ".real";
    private static readonly byte[] s_name = Bytes("ptmx");

    private readonly int _real;
    private int _copy;

    private RealDevices(int real, int copy) => (_real, _copy) = (real, copy);

    /// <summary>Looks at the real directory, while nothing covers it yet; the descriptor stays the caller's.</summary>
    internal static RealDevices Take(int real) => new(real, NeedsItsPlace(real) ? Mounts.Clone(real, "\0"u8) : 0);

    /// <summary>Puts the multiplexer into the view.</summary>
    /// <param name="view">The tmpfs that becomes /dev.</param>
    /// <param name="hidden">What of the real one is not to be seen.</param>
    internal Result OfferTerminals(int view, IReadOnlyList<string> hidden)
    {
        if (_copy == 0)
        {
            return Outcome(BindAlone(view));
        }

        // The whole directory under another name, and the multiplexer a link to where it has pts beside it.
        int failed = _copy < 0 ? _copy : Mounts.MakeDirectory(view, Bytes(Copy), 0x1ed /* 0755 */);
        failed = failed < 0 ? failed : Mounts.Move(_copy, view, Bytes(Copy));
        failed = failed < 0 ? failed : Cover(view, hidden);
        return Outcome(failed < 0 ? failed : Mounts.MakeLink(view, s_name, Bytes($"{Copy}/ptmx")));
    }

    public void Dispose()
    {
        if (_copy > 0)
        {
            Sys.Close(_copy);
            _copy = 0;
        }
    }

    /// <summary>A link (into devpts, as containers have it) and a node of devpts itself work from anywhere.</summary>
    private static bool NeedsItsPlace(int real) =>
        Sys.ReadLink(real, s_name, new byte[1]) < 0
        && Sys.Stat(real, s_name, Sys.AtSymlinkNoFollow, out FileIdentity multiplexer) >= 0
        && Sys.Stat(real, Bytes("pts"), 0, out FileIdentity terminals) >= 0
        && multiplexer.Device != terminals.Device;

    private int BindAlone(int view)
    {
        var target = new byte[4096];
        int length = Sys.ReadLink(_real, s_name, target.AsSpan(0, target.Length - 1));
        int failed = length >= 0 ? Mounts.MakeLink(view, s_name, target.AsSpan(0, length + 1)) : Mounts.Bind(_real, view, s_name, isDirectory: false);
        return failed == -(int)Errno.ENOENT ? 0 : failed;
    }

    /// <summary>What the view hides is hidden in the copy too: an empty read-only directory lies over it, or a node that cannot be opened.</summary>
    private static int Cover(int view, IReadOnlyList<string> hidden)
    {
        foreach (string path in hidden)
        {
            if (!path.StartsWith(Root + "/", StringComparison.Ordinal))
            {
                continue;
            }

            byte[] place = Bytes(Copy + path[Root.Length..]);
            int found = Sys.OpenAt(view, place, Sys.O_PATH | Sys.O_DIRECTORY | Sys.O_CLOEXEC);
            Sys.Close(found);
            int failed = found switch
            {
                >= 0 => CoverDirectory(view, place),
                NotADirectory => CoverFile(view, place),
                _ => 0,
            };
            if (failed < 0)
            {
                return failed;
            }
        }

        return 0;
    }

    private static int CoverDirectory(int view, byte[] place)
    {
        Result<int> tmpfs = Mounts.CreateTmpfs();
        if (!tmpfs.IsOk)
        {
            return -(int)tmpfs.Errno;
        }

        int failed = Mounts.Move(tmpfs.Value, view, place);
        failed = failed < 0 ? failed : -(int)Mounts.MakeReadOnly(tmpfs.Value).Errno;
        Sys.Close(tmpfs.Value);
        return failed;
    }

    private static int CoverFile(int view, byte[] place)
    {
        byte[] node = Bytes(".nothing");
        int failed = Mounts.MakeNode(view, node, 0);
        int cover = failed < 0 ? failed : Mounts.Clone(view, node);
        failed = cover < 0 ? cover : Mounts.Move(cover, view, place);
        Sys.Close(cover);
        Mounts.Remove(view, node); // lives on where it is mounted
        return failed;
    }

    private static Result Outcome(int result) =>
        result >= 0 ? Result.Ok : Result.Fail((Errno)(-result), $"{(Errno)(-result)}, so that no pseudo-terminal can be opened");

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
