using System.Globalization;

namespace Doorbell.Linux.Native;

/// <summary>The processes below this one. As a subreaper it inherits orphans, so the tree has no holes (T9).</summary>
internal static class Descendants
{
    private const int PrSetChildSubreaper = 36;
    private const int SigKill = 9;

    /// <summary>Orphans below come to this process, not to init.</summary>
    internal static void BecomeSubreaper() => Sys.Prctl(PrSetChildSubreaper, 1);

    /// <summary>This process's children now.</summary>
    internal static HashSet<int> DirectChildren() => Sys.HasChildren() ? [.. Children()] : [];

    /// <summary>
    /// Kills every descendant until none is left, but leaves the trees of <paramref name="spared"/> children alone. Only children are killed:
    /// theirs come here when they end, so that the last has gone when there is no child.
    /// </summary>
    internal static void KillAll(IReadOnlySet<int> spared)
    {
        const int Enough = 3; // looks in a row that found nothing, where spared children hide the kernel's own answer
        for (int quiet = 0; spared.Count == 0 ? Sys.HasChildren() : quiet < Enough;)
        {
            List<int> children = [.. Children().Where(pid => !spared.Contains(pid))];
            children.ForEach(static pid => KillChild(pid));
            Chase(spared);
            children.ForEach(static pid => Sys.Wait(pid, out _, block: false));
            quiet = children.Count == 0 ? quiet + 1 : 0;
        }
    }

    /// <summary>
    /// Processes that fork and end for ever are gone before a look through /proc comes to them. But their numbers are the last ones given, and a
    /// few of those are tried faster than a process is made; a kill that comes during a fork undoes it.
    /// </summary>
    private static void Chase(IReadOnlySet<int> spared)
    {
        const int Rounds = 200;
        const int Around = 16;
        int found = 0;
        for (int round = 0; round < Rounds && (round < Around || found > 0); round++)
        {
            found = 0;
            int last = LastNumber();
            for (int pid = Math.Max(2, last - Around); last > 0 && pid < last + Around; pid++)
            {
                if (!spared.Contains(pid) && KillChild(pid))
                {
                    found++;
                    Sys.Wait(pid, out _, block: false);
                }
            }
        }
    }

    /// <summary>Kills a process if it is a child of this one, whoever else may have had the number before.</summary>
    private static bool KillChild(int pid)
    {
        int pidfd = Sys.PidfdOpen(pid);
        bool isChild = pidfd >= 0 && Sys.IsChild(pidfd);
        if (isChild)
        {
            Sys.PidfdSendSignal(pidfd, SigKill);
        }

        Sys.Close(pidfd);
        return isChild;
    }

    /// <summary>The number given to a process or thread last: the fifth field of /proc/loadavg, proc(5). 0 when it cannot be read.</summary>
    private static int LastNumber()
    {
        Span<byte> text = stackalloc byte[128];
        int fd = Sys.OpenAt(Sys.AtFdCwd, "/proc/loadavg\0"u8, Sys.O_RDONLY | Sys.O_CLOEXEC);
        nint length = Sys.Read(fd, text);
        Sys.Close(fd);
        ReadOnlySpan<byte> line = text[..(int)Math.Max(length, 0)].TrimEnd((byte)'\n');
        return System.Buffers.Text.Utf8Parser.TryParse(line[(line.LastIndexOf((byte)' ') + 1)..], out int number, out _) ? number : 0;
    }

    private static IEnumerable<int> Children()
    {
        int self = Environment.ProcessId;
        return Snapshot().Where(process => process.Parent == self).Select(static process => process.Pid);
    }

    /// <summary>Every descendant that has not ended, without the trees of <paramref name="spared"/> children.</summary>
    internal static List<int> Living(IReadOnlySet<int> spared)
    {
        ILookup<int, (int Pid, int Parent, char State)> children = Snapshot().ToLookup(process => process.Parent);
        var found = new List<int>();
        var next = new Stack<int>([Environment.ProcessId]);
        while (next.TryPop(out int parent))
        {
            foreach ((int pid, _, char state) in children[parent])
            {
                if (spared.Contains(pid))
                {
                    continue;
                }

                next.Push(pid);
                if (state is not ('Z' or 'X'))
                {
                    found.Add(pid);
                }
            }
        }

        return found;
    }

    private static List<(int Pid, int Parent, char State)> Snapshot()
    {
        var all = new List<(int, int, char)>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                continue;
            }

            try
            {
                // pid (name) state ppid: the name may hold anything, also parentheses.
                string stat = File.ReadAllText(directory + "/stat");
                int afterName = stat.LastIndexOf(')') + 2;
                ReadOnlySpan<char> rest = stat.AsSpan(afterName + 2);
                all.Add((pid, int.Parse(rest[..rest.IndexOf(' ')], NumberStyles.None, CultureInfo.InvariantCulture), stat[afterName]));
            }
            catch (IOException)
            {
                // Gone meanwhile: ESRCH or ENOENT.
            }
        }

        return all;
    }
}
