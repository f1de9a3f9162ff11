using System.Buffers.Binary;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>
/// The socket pair between supervisor and launcher. Nobody else holds an end, so that an end of file says that the other is dead (T9).
/// </summary>
internal sealed unsafe class LaunchChannel(int fd) : IDisposable
{
    private const int MaxFds = 4;
    private const int ControlSize = 16 + (MaxFds * sizeof(int));
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int MsgCmsgCloexec = 0x40000000;
    private const int MsgNoSignal = 0x4000;
    private const int MaxPayload = 64 << 20;

    private bool _disposed;

    internal int Fd => fd;

    /// <summary>Makes both ends, close-on-exec.</summary>
    internal static Result<(int Supervisor, int Launcher)> CreatePair()
    {
        const int AfUnix = 1;
        const int StreamCloexec = 1 | Sys.O_CLOEXEC;
        int* ends = stackalloc int[2];
        int result = (int)Sys.Call(Nr.SocketPair, AfUnix, StreamCloexec, 0, (nint)ends);
        return result < 0 ? Result.Fail((Errno)(-result), "socketpair failed") : (ends[0], ends[1]);
    }

    /// <summary>Sends; false when the other end is dead.</summary>
    internal bool Send(LaunchMessage message, ReadOnlySpan<byte> payload, ReadOnlySpan<int> fds = default)
    {
        Span<byte> header = stackalloc byte[5];
        header[0] = (byte)message;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], payload.Length);
        return SendWithFds(header, fds) && SendAll(payload);
    }

    /// <summary>Takes the next message; false when the other end is dead.</summary>
    internal bool TryReceive(out LaunchMessage message, out byte[] payload, out int[] fds)
    {
        message = default;
        payload = [];
        Span<byte> header = stackalloc byte[5];
        if (!ReceiveWithFds(header, out fds))
        {
            return false;
        }

        message = (LaunchMessage)header[0];
        int length = BinaryPrimitives.ReadInt32LittleEndian(header[1..]);
        if (length is < 0 or > MaxPayload)
        {
            return false;
        }

        payload = new byte[length];
        return ReceiveAll(payload);
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Sys.Close(fd);
        }
    }

    private bool SendWithFds(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> fds)
    {
        byte* control = stackalloc byte[ControlSize];
        nint controlLength = fds.IsEmpty ? 0 : 16 + (fds.Length * sizeof(int));
        *(nint*)control = controlLength;
        ((int*)control)[2] = SolSocket;
        ((int*)control)[3] = ScmRights;
        fds.CopyTo(new Span<int>(control + 16, MaxFds));
        fixed (byte* start = bytes)
        {
            nint* vector = stackalloc nint[2] { (nint)start, bytes.Length };
            nint* header = stackalloc nint[7] { 0, 0, (nint)vector, 1, fds.IsEmpty ? 0 : (nint)control, controlLength, 0 };
            nint sent;
            do
            {
                sent = Sys.Call(Nr.SendMsg, fd, (nint)header, MsgNoSignal);
            }
            while (sent == -(int)Errno.EINTR);
            return sent == bytes.Length;
        }
    }

    private bool SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint sent = SendOnce(bytes);
            if (sent == -(int)Errno.EINTR)
            {
                continue;
            }

            if (sent <= 0)
            {
                return false;
            }

            bytes = bytes[(int)sent..];
        }

        return true;
    }

    private nint SendOnce(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nint* vector = stackalloc nint[2] { (nint)start, bytes.Length };
            nint* header = stackalloc nint[7] { 0, 0, (nint)vector, 1, 0, 0, 0 };
            return Sys.Call(Nr.SendMsg, fd, (nint)header, MsgNoSignal);
        }
    }

    private bool ReceiveWithFds(Span<byte> bytes, out int[] fds)
    {
        fds = [];
        byte* control = stackalloc byte[ControlSize];
        fixed (byte* start = bytes)
        {
            nint* vector = stackalloc nint[2] { (nint)start, bytes.Length };
            nint* header = stackalloc nint[7] { 0, 0, (nint)vector, 1, (nint)control, ControlSize, 0 };
            nint got;
            do
            {
                got = Sys.Call(Nr.RecvMsg, fd, (nint)header, MsgCmsgCloexec);
            }
            while (got == -(int)Errno.EINTR);
            if (got <= 0)
            {
                return false;
            }

            nint controlLength = header[5];
            if (controlLength >= 16 && ((int*)control)[2] == SolSocket && ((int*)control)[3] == ScmRights)
            {
                fds = new Span<int>(control + 16, (int)((*(nint*)control - 16) / sizeof(int))).ToArray();
            }

            return ReceiveAll(bytes[(int)got..]);
        }
    }

    private bool ReceiveAll(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint got = Sys.Read(fd, bytes);
            if (got == -(int)Errno.EINTR)
            {
                continue;
            }

            if (got <= 0)
            {
                return false;
            }

            bytes = bytes[(int)got..];
        }

        return true;
    }
}
