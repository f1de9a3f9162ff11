namespace Doorbell.Linux.Hosts;

/// <summary>Reads as much as is allowed of a stream, and then says that it was too much: what is packed may be small and hold anything.</summary>
internal sealed class LimitedStream(Stream inner, long most) : ForwardStream
{
    private long _left = most;

    /// <summary>More was there than is allowed.</summary>
    public bool IsOver { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (_left == 0)
        {
            IsOver = inner.Read(buffer[..Math.Min(1, buffer.Length)]) > 0;
            return 0;
        }

        int read = inner.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        _left -= read;
        return read;
    }
}
