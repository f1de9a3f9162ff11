using System.Globalization;

namespace Doorbell.Linux.Reporting;

/// <summary>Who made a call: process, thread, and what /proc calls them.</summary>
/// <param name="Pid">The process; 0 where that could not be found out.</param>
/// <param name="Tid">The thread.</param>
/// <param name="Program">The process's name (/proc/PID/comm).</param>
/// <param name="Thread">The thread's own name, where it has one.</param>
internal sealed record Asker(int Pid, int Tid, string Program, string? Thread)
{
    /// <summary>As people write it: <c>qemu-system-aar[4711]</c>, with the thread where it is not the first.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Program}[{Pid}]{(Tid == Pid || Pid == 0 ? "" : $" thread {Tid}{(Thread is null ? "" : $" \"{Thread}\"")}")}");

    /// <summary>The thread, which waits for its call's answer, so that /proc has it.</summary>
    internal static Asker Of(int tid)
    {
        int pid = 0;
        string? thread = null;
        string program = "?";
        try
        {
            foreach (string line in File.ReadLines($"/proc/{tid}/status"))
            {
                if (line.StartsWith("Name:\t", StringComparison.Ordinal))
                {
                    thread = line[6..];
                }
                else if (line.StartsWith("Tgid:\t", StringComparison.Ordinal))
                {
                    pid = int.Parse(line.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture);
                    break;
                }
            }

            program = pid == tid ? thread ?? program : File.ReadAllText($"/proc/{pid}/comm").TrimEnd('\n');
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It was killed meanwhile.
        }

        return new Asker(pid, tid, Message.Printable(program), thread is null || thread == program ? null : Message.Printable(thread));
    }
}
