using System.Buffers.Binary;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>Eventfds the client signals and the host acts on: one epoll instance, polled with the trapped calls, so that the supervisor stays one thread.</summary>
internal sealed class EventFdWatcher : IDisposable
{
    private const int Batch = 32;
    private const int ControlAdd = 1;
    private const int ControlDelete = 2;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int DataOffset = EpollEvent.DataOffset;
    private static readonly int EventSize = EpollEvent.Size;

    private readonly Dictionary<long, Action> _actions = [];
    private readonly byte[] _events = new byte[Batch * 16];
    private long _next;

    internal EventFdWatcher()
    {
        Fd = (int)Sys.Call(Nr.EpollCreate1, Sys.O_CLOEXEC);
        if (Fd < 0)
        {
            throw new IOException($"epoll_create1 failed with {(Errno)(-Fd)}");
        }
    }

    /// <summary>To poll.</summary>
    internal int Fd { get; }

    /// <summary>Watched now.</summary>
    internal int Count => _actions.Count;

    /// <summary>Calls back whenever the eventfd is signalled, at once if it has been already. The number to <see cref="Remove"/> it by, or a negative errno.</summary>
    internal unsafe long Add(int eventFd, Action signalled)
    {
        // Edge-triggered: every signal is an edge, whoever reads the counter, and nobody has to read it for the next one to come.
        const uint InEdgeTriggered = 0x8000_0001;
        long number = ++_next;
        byte* description = stackalloc byte[16];
        Describe(new Span<byte>(description, 16), InEdgeTriggered, number);
        int added = (int)Sys.Call(Nr.EpollCtl, Fd, ControlAdd, eventFd, (nint)description);
        if (added < 0)
        {
            return added;
        }

        _actions.Add(number, signalled);
        return number;
    }

    /// <summary>Nothing is told of it any more. Before the descriptor is closed: the client's own keeps the file alive.</summary>
    internal unsafe void Remove(int eventFd, long number)
    {
        byte* unused = stackalloc byte[16];
        Sys.Call(Nr.EpollCtl, Fd, ControlDelete, eventFd, (nint)unused);
        _actions.Remove(number);
    }

    /// <summary>Acts on what has been signalled; returns at once where nothing has.</summary>
    /// <remarks>A client that signals faster than this must not keep the supervisor from everything else: what is left is polled again.</remarks>
    internal unsafe void Drain()
    {
        const int Rounds = 8;
        int count = Batch;
        for (int round = 0; round < Rounds && count == Batch; round++)
        {
            fixed (byte* events = _events)
            {
                count = (int)Sys.Call(Nr.EpollPwait, Fd, (nint)events, Batch, 0, 0, sizeof(ulong));
            }

            for (int i = 0; i < count; i++)
            {
                // What one action released is not told of any more, in this batch neither.
                long number = BinaryPrimitives.ReadInt64LittleEndian(_events.AsSpan((i * EventSize) + DataOffset));
                if (_actions.TryGetValue(number, out Action? action))
                {
                    action();
                }
            }
        }
    }

    public void Dispose()
    {
        _actions.Clear();
        Sys.Close(Fd);
    }

    private static void Describe(Span<byte> description, uint events, long number)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(description, events);
        BinaryPrimitives.WriteInt64LittleEndian(description[DataOffset..], number);
    }
}
