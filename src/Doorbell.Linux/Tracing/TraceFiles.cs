using Doorbell.Events;
using Doorbell.Linux.Reporting;

namespace Doorbell.Linux.Tracing;

/// <summary>The traces of a run, each in the format that its name's ending says.</summary>
internal sealed class TraceFiles : ITrace
{
    private readonly List<ITrace> _traces = [];

    private TraceFiles()
    {
    }

    /// <summary>Opens each, and begins to listen. Null where there is none.</summary>
    /// <returns>EACCES: a file that cannot be written.</returns>
    internal static Result<TraceFiles?> Open(IEnumerable<string> names, EventStream events, RunAccount account)
    {
        TraceFiles traces = new();
        foreach (string name in names)
        {
            try
            {
                // Perfetto's own name for its files, and the older one.
                bool isPerfetto = name.EndsWith(".perfetto-trace", StringComparison.Ordinal) || name.EndsWith(".pftrace", StringComparison.Ordinal);
                FileStream file = new(name, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
                traces._traces.Add(isPerfetto ? new PerfettoTrace(file, events, () => account.Names, Message.Print) : new JsonTrace(file, events));
            }
            catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException or ArgumentException)
            {
                traces.Dispose();
                return Result.Fail(Errno.EACCES, $"the trace cannot be written: {unwritable.Message}");
            }
        }

        return traces._traces.Count == 0 ? null : traces;
    }

    public void Flush() => _traces.ForEach(static trace => trace.Flush());

    public void Dispose() => _traces.ForEach(static trace => trace.Dispose());
}
