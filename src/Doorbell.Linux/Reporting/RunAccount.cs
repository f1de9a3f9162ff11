using System.Diagnostics;
using System.Globalization;
using Doorbell.Events;
using Doorbell.Linux.Supervision;

namespace Doorbell.Linux.Reporting;

/// <summary>
/// What went wrong in a run: each refusal, lost interrupt and fault once, with its count. A person is told of each as it comes, once; the report
/// has them all at the end.
/// </summary>
/// <remarks>Events come on any thread. Calls begin and end on the supervisor's, and what is refused on it meanwhile is theirs.</remarks>
internal sealed class RunAccount
{
    /// <summary>Entries of the report: a hostile client makes new ones without end, and what comes after these is only counted.</summary>
    internal const int MaxEntries = 1000;

    /// <summary>Sentences to the person: who has read so many reads no further.</summary>
    internal const int MaxSentences = 200;

    private const long NanosecondsASecond = 1_000_000_000;

    private readonly Action<string> _print;
    private readonly Dictionary<string, Trouble> _byKey = new(StringComparer.Ordinal);
    private readonly List<Trouble> _troubles = [];
    private readonly HashSet<Trouble> _said = [];
    private readonly Lock _lock = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly KernelLogRate _rate = new();
    private ClientCall? _call;
    private int _callThread;

    /// <param name="print">Tells the person at the terminal.</param>
    internal RunAccount(Action<string> print) => _print = print;

    /// <summary>When the run began.</summary>
    internal DateTimeOffset Started { get; } = DateTimeOffset.Now;

    /// <summary>Why the program did not start, or doorbell failed; null while neither is so.</summary>
    internal string? Error { get; set; }

    /// <summary>What was armed; null before there was a client.</summary>
    internal VectorAccounts? Vectors { get; set; }

    /// <summary>What the devices did, as known at the end.</summary>
    internal IReadOnlyList<DeviceAccount> Devices { get; set; } = [];

    /// <summary>What the machine's devices are called; unknown until there is a machine.</summary>
    internal MachineNames Names { get; set; } = MachineNames.None;

    /// <summary>Nanoseconds since the run began.</summary>
    internal long Elapsed => Stopwatch.GetElapsedTime(_start).Ticks * (NanosecondsASecond / TimeSpan.TicksPerSecond);

    /// <summary>What came after <see cref="MaxEntries"/>.</summary>
    internal long Others { get; private set; }

    /// <summary>Everything so far, in the order of its first time.</summary>
    internal IReadOnlyList<Trouble> Troubles
    {
        get
        {
            lock (_lock)
            {
                return [.. _troubles];
            }
        }
    }

    /// <summary>A call begins to be answered, on this thread.</summary>
    internal void BeginCall(ClientCall call)
    {
        _callThread = Environment.CurrentManagedThreadId;
        _call = call;
    }

    /// <summary>It has been answered.</summary>
    internal void EndCall() => _call = null;

    /// <summary>Takes an event: a refusal, a lost interrupt, a fault.</summary>
    internal void Take(MachineEvent trouble)
    {
        ClientCall? call = _callThread == Environment.CurrentManagedThreadId ? _call : null;
        if (trouble is Refusal && call is not null)
        {
            if (call.IsCallerGone)
            {
                return; // killed in the middle of the call: what failed then is nobody's trouble
            }

            call.IsExplained = true;
        }

        string key = TroubleEntry.KeyOf(trouble, Names);
        lock (_lock)
        {
            if (_byKey.TryGetValue(key, out Trouble? known))
            {
                known.Count++;
                known.LastTime = Elapsed;
                if (known.Kind == TroubleKind.Fault && _said.Contains(known) && _rate.Takes(known.LastTime))
                {
                    Print(KernelFaultLog.WithoutRecord(TroubleEntry.KernelLogOf(trouble, Names)));
                }

                return;
            }

            if (_troubles.Count >= MaxEntries)
            {
                Others++;
                return;
            }

            Trouble entry = TroubleEntry.Of(trouble, Names, trouble is Refusal ? call : null, Elapsed);
            _byKey.Add(key, entry);
            _troubles.Add(entry);
            Say(entry);
        }
    }

    /// <summary>The program does not start, or doorbell fails: says so.</summary>
    internal void Fail(string sentence)
    {
        Error = sentence;
        _print(sentence);
    }

    /// <summary>The run is over: what was said once and came more often is counted.</summary>
    internal void TellCounts()
    {
        lock (_lock)
        {
            foreach (Trouble trouble in _troubles.Where(trouble => trouble.Count > 1 && _said.Contains(trouble)))
            {
                _print(string.Create(CultureInfo.InvariantCulture, $"{trouble.Count} times in all: {trouble.What} of {trouble.Subject}{(trouble.Errno == Errno.None ? "" : $" ({trouble.Errno})")}"));
            }

            long unsaid = Others + _troubles.Count(trouble => trouble.Severity == TroubleSeverity.Error && !_said.Contains(trouble));
            if (unsaid > 0)
            {
                _print(string.Create(CultureInfo.InvariantCulture, $"and {unsaid} more that are not said here; --report FILE has up to {MaxEntries}"));
            }
        }
    }

    private void Say(Trouble entry)
    {
        if (entry.Severity == TroubleSeverity.Note || _said.Count >= MaxSentences)
        {
            return;
        }

        _said.Add(entry);
        if (entry.KernelLog.Count > 0 && _rate.Takes(entry.FirstTime))
        {
            Print(KernelFaultLog.WithoutRecord(entry.KernelLog));
        }

        _print(entry.Sentence);
    }

    private void Print(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            _print(line);
        }
    }
}
