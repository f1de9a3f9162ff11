using System.Globalization;
using System.Text;

namespace Doorbell.SystemTests.Support;

/// <summary>A variable in the environment of everything a run starts, by which its processes are found however they were re-parented.</summary>
internal sealed class Marker
{
    private const string Variable = "DOORBELL_TEST_RUN";

    private readonly string _value = Guid.NewGuid().ToString("N");

    public void PutInto(IDictionary<string, string?> environment) => environment[Variable] = _value;

    /// <summary>The run's processes that are alive now, zombies left out.</summary>
    public IReadOnlyList<MarkedProcess> Find()
    {
        byte[] wanted = Encoding.ASCII.GetBytes($"{Variable}={_value}");
        var found = new List<MarkedProcess>();
        var closed = new List<(int Pid, int Parent)>();
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || pid == Environment.ProcessId)
            {
                continue;
            }

            try
            {
                if (File.ReadAllBytes(Path.Combine(folder, "environ")).AsSpan().IndexOf(wanted) >= 0)
                {
                    string command = File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ').Trim();
                    string program = File.ResolveLinkTarget(Path.Combine(folder, "exe"), returnFinalTarget: false)?.FullName ?? "";
                    found.Add(new MarkedProcess(pid, program, command));
                }
            }
            catch (UnauthorizedAccessException)
            {
                // Another user's; or a doorbell, which keeps what it has to itself: then it is known by its parent.
                closed.Add((pid, ParentOf(folder)));
            }
            catch (IOException)
            {
                // It ended while it was looked at.
            }
        }

        for (int known = -1; known != found.Count;)
        {
            known = found.Count;
            HashSet<int> parents = [Environment.ProcessId, .. found.Select(process => process.Id)];
            foreach ((int pid, _) in closed.Where(process => parents.Contains(process.Parent) && !parents.Contains(process.Pid)).ToArray())
            {
                found.Add(new MarkedProcess(pid, "", CommandOf(pid)));
            }
        }

        return found;
    }

    private static int ParentOf(string folder)
    {
        try
        {
            string stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(stat[(stat.LastIndexOf(')') + 4)..].Split(' ')[0], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it ended
        }
    }

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').Trim();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Waits until nothing is left of the run, and gives what still is after <paramref name="patience"/>.</summary>
    public IReadOnlyList<MarkedProcess> FindAfter(TimeSpan patience)
    {
        DateTime end = DateTime.UtcNow + patience;
        IReadOnlyList<MarkedProcess> left = Find();
        while (left.Count > 0 && DateTime.UtcNow < end)
        {
            Thread.Sleep(20);
            left = Find();
        }

        return left;
    }

    public void KillAll()
    {
        foreach (MarkedProcess process in Find())
        {
            Signals.Kill(process.Id);
        }
    }
}
