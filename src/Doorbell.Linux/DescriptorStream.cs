using Doorbell.Linux.Native;

namespace Doorbell.Linux;

/// <summary>Writes to a descriptor by write(2) and does nothing else: no terminal is set up, and the file's offset goes on for whoever shares it.</summary>
/// <param name="descriptor">1 or 2, for one. It is not owned.</param>
public sealed class DescriptorStream(int descriptor) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">write(2) failed; the message has the errno.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        const int BrokenPipe = 32; // EPIPE: who read has enough (head(1)), and nobody needs to be told
        while (!buffer.IsEmpty)
        {
            nint written = Sys.Write(descriptor, buffer);
            if (written > 0)
            {
                buffer = buffer[(int)written..];
            }
            else if (written == -BrokenPipe)
            {
                return;
            }
            else if (written == -(int)Errno.EAGAIN)
            {
                Thread.Sleep(1); // the client has made the file they share non-blocking
            }
            else if (written != -(int)Errno.EINTR)
            {
                throw new IOException($"writing to descriptor {descriptor} failed with {(Errno)(-written)}");
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is kept.
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
