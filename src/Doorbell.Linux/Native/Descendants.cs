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
    internal static HashSet<int> DirectChildren()
    {
        int self = Environment.ProcessId;
        return Sys.HasChildren() ? [.. Snapshot().Where(process => process.Parent == self).Select(process => process.Pid)] : [];
    }

    /// <summary>Kills every descendant until none is left, but leaves the trees of <paramref name="spared"/> children alone.</summary>
    internal static void KillAll(IReadOnlySet<int> spared)
    {
        while (true)
        {
            List<int> living = Living(spared);
            if (living.Count == 0)
            {
                return;
            }

            foreach (int pid in living)
            {
                int pidfd = Sys.PidfdOpen(pid);
                if (pidfd >= 0)
                {
                    // The number may be another process's by now: look again with the pidfd in hand.
                    if (Living(spared).Contains(pid))
                    {
                        Sys.PidfdSendSignal(pidfd, SigKill);
                    }

                    Sys.Close(pidfd);
                }
            }

            foreach (int pid in living)
            {
                Sys.Wait(pid, out _, block: false);
            }

            Thread.Sleep(1);
        }
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
