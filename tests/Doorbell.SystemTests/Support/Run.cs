using System.Diagnostics;
using System.Text;

namespace Doorbell.SystemTests.Support;

/// <summary>A program under test with everything it starts. It never outlives its patience nor the test.</summary>
internal sealed class Run : IDisposable
{
    /// <summary>Within this time after a program's end everything it started must be gone.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly string _command;

    private Run(Process process, Marker marker, string command) => (_process, Marker, _command) = (process, marker, command);

    public Marker Marker { get; }

    public int Id => _process.Id;

    public static Run Start(string program, IEnumerable<string> arguments, string? temporary = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        var marker = new Marker();
        marker.PutInto(start.Environment);
        if (temporary is not null)
        {
            start.Environment["TMPDIR"] = temporary;
        }

        var run = new Run(new Process { StartInfo = start }, marker, $"{program} {string.Join(' ', start.ArgumentList)}");
        run._process.OutputDataReceived += (_, line) => Append(run._output, line.Data);
        run._process.ErrorDataReceived += (_, line) => Append(run._errors, line.Data);
        run._process.Start();
        run._process.BeginOutputReadLine();
        run._process.BeginErrorReadLine();
        run._process.StandardInput.Close();
        return run;
    }

    /// <summary>Runs to the end. Fails when it takes longer than <paramref name="patience"/> or leaves a process behind.</summary>
    public static Outcome ToEnd(string program, IEnumerable<string> arguments, TimeSpan patience, string? temporary = null)
    {
        using Run run = Start(program, arguments, temporary);
        return run.WaitForEnd(patience);
    }

    /// <summary>Waits for a line of output that contains <paramref name="text"/>.</summary>
    public void WaitForLine(string text, TimeSpan patience)
    {
        DateTime end = DateTime.UtcNow + patience;
        while (!Snapshot().Output.Contains(text, StringComparison.Ordinal))
        {
            if (_process.HasExited || DateTime.UtcNow > end)
            {
                Assert.Fail($"'{text}' did not come within {patience}: {Snapshot().Report}");
            }

            Thread.Sleep(20);
        }
    }

    public Outcome WaitForEnd(TimeSpan patience)
    {
        if (!_process.WaitForExit(patience))
        {
            string tree = string.Join('\n', Marker.Find());
            Marker.KillAll();
            _process.WaitForExit(Aftermath);
            Assert.Fail($"not finished within {patience}: {Snapshot().Report}\n--- processes\n{tree}");
        }

        IReadOnlyList<MarkedProcess> left = Marker.FindAfter(Aftermath);
        if (left.Count > 0)
        {
            Marker.KillAll();
            Assert.Fail($"left behind: {string.Join("; ", left)}\n{Snapshot().Report}");
        }

        // Only now are both pipes sure to have ended, so that this cannot wait for a stranger that holds them.
        _process.WaitForExit();
        return Snapshot();
    }

    public void Dispose()
    {
        Marker.KillAll();
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit(Aftermath);
        }

        _process.Dispose();
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }

    private Outcome Snapshot()
    {
        lock (_output)
        {
            lock (_errors)
            {
                return new Outcome(_command, _process.HasExited ? _process.ExitCode : -1, _output.ToString(), _errors.ToString());
            }
        }
    }
}
