namespace Doorbell.Linux.Reporting;

/// <summary>How many faults are logged: ten in five seconds, as the kernel's ratelimit has it (DEFAULT_RATELIMIT_BURST, DEFAULT_RATELIMIT_INTERVAL).</summary>
internal sealed class KernelLogRate
{
    private const int Burst = 10;
    private const long Interval = 5_000_000_000;

    private long _since = long.MinValue;
    private int _taken;

    /// <summary>True while another one may be logged.</summary>
    /// <param name="now">Nanoseconds of any clock that goes forward.</param>
    internal bool Takes(long now)
    {
        if (_since == long.MinValue || now - _since >= Interval)
        {
            _since = now;
            _taken = 0;
        }

        return ++_taken <= Burst;
    }
}
