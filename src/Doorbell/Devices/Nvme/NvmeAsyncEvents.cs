namespace Doorbell.Devices;

/// <summary>
/// Asynchronous event requests: held until something happens, or they are aborted (NVMe 1.4, 5.2). What can happen is an invalid doorbell
/// write; one is reported, and the next only after the host has read the error log.
/// </summary>
internal sealed class NvmeAsyncEvents
{
    private const uint ErrorStatusType = 0;
    private const uint ErrorLog = 0x01;

    private readonly ushort[] _held = new ushort[NvmeIdentify.OutstandingLimit];
    private int _count;
    private uint? _pending;
    private bool _masked;

    /// <summary>What an invalid doorbell write is called (figure 146).</summary>
    public enum DoorbellError : uint
    {
        /// <summary>Of a queue that does not exist.</summary>
        InvalidRegister = 0,

        /// <summary>A value the queue cannot have.</summary>
        InvalidValue = 1,
    }

    public void Reset()
    {
        _count = 0;
        _pending = null;
        _masked = false;
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

    /// <summary>Something happened.</summary>
    public void Report(DoorbellError error)
    {
        if (!_masked)
        {
            _pending ??= ErrorStatusType | ((uint)error << 8) | (ErrorLog << 16);
        }
    }

    /// <summary>The host has read the error log: events of its kind are reported again.</summary>
    public void ErrorLogRead() => _masked = false;

    /// <summary>Takes what is to be completed now, if anything: a held request and the event.</summary>
    public bool TryTake(out ushort commandId, out uint result)
    {
        if (_pending is not { } pending || _count == 0)
        {
            commandId = 0;
            result = 0;
            return false;
        }

        commandId = _held[0];
        result = pending;
        Abort(commandId);
        _pending = null;
        _masked = true;
        return true;
    }
}
