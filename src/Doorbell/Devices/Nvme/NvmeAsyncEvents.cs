namespace Doorbell.Devices;

/// <summary>
/// Asynchronous event requests: held until something happens, or they are aborted (NVMe 1.4, 5.2). What can happen here is an invalid
/// doorbell write and a temperature beyond a threshold; of each type one is reported, and the next only after the host has read its log.
/// </summary>
internal sealed class NvmeAsyncEvents
{
    private const uint TemperatureThreshold = 1;

    private readonly ushort[] _held = new ushort[NvmeIdentify.OutstandingLimit];
    private readonly uint?[] _pending = new uint?[2];
    private readonly bool[] _masked = new bool[2];
    private int _count;

    /// <summary>What an invalid doorbell write is called (figure 146).</summary>
    public enum DoorbellError : uint
    {
        /// <summary>Of a queue that does not exist.</summary>
        InvalidRegister = 0,

        /// <summary>A value the queue cannot have.</summary>
        InvalidValue = 1,
    }

    // Types of events (figure 145); the log that tells more, and whose reading lets the next one through, has the number after it.
    private enum EventType
    {
        ErrorStatus = 0,
        Health = 1,
    }

    public void Reset()
    {
        _count = 0;
        Array.Clear(_pending);
        Array.Clear(_masked);
    }

    /// <summary>A request arrived.</summary>
    /// <returns>False where the limit is reached.</returns>
    public bool Hold(ushort commandId)
    {
        if (_count == _held.Length)
        {
            return false;
        }

        _held[_count++] = commandId;
        return true;
    }

    /// <summary>Takes a held request back.</summary>
    public bool Abort(ushort commandId)
    {
        int index = Array.IndexOf(_held, commandId, 0, _count);
        if (index < 0)
        {
            return false;
        }

        _count--;
        Array.Copy(_held, index + 1, _held, index, _count - index);
        return true;
    }

    /// <summary>A doorbell was written wrongly.</summary>
    public void Report(DoorbellError error) => Report(EventType.ErrorStatus, (uint)error);

    /// <summary>The temperature is beyond a threshold.</summary>
    public void ReportTemperature() => Report(EventType.Health, TemperatureThreshold);

    /// <summary>The host has read a log: events of its type are reported again.</summary>
    public void LogRead(byte log)
    {
        if (log - 1u < (uint)_masked.Length)
        {
            _masked[log - 1] = false;
        }
    }

    /// <summary>Takes what is to be completed now, if anything: a held request and the event.</summary>
    public bool TryTake(out ushort commandId, out uint result)
    {
        for (int type = 0; type < _pending.Length && _count > 0; type++)
        {
            if (_pending[type] is { } pending)
            {
                commandId = _held[0];
                result = pending;
                Abort(commandId);
                _pending[type] = null;
                _masked[type] = true;
                return true;
            }
        }

        commandId = 0;
        result = 0;
        return false;
    }

    private void Report(EventType type, uint information)
    {
        if (!_masked[(int)type])
        {
            _pending[(int)type] ??= (uint)type | (information << 8) | (((uint)type + 1) << 16);
        }
    }
}
