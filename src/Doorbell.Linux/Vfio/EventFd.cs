using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Supervision;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>A client's eventfd, held by us (T7): irqfd and epoll on the client's side see every signal; and what the client signals, the host can wait for.</summary>
/// <param name="fd">Our copy of it, owned.</param>
/// <param name="watcher">Waits for it, where it is the client that signals.</param>
/// <param name="account">Where the signals of the vector it is armed for are counted; null for a trigger that is none (unmask, ioeventfd).</param>
internal sealed class EventFd(int fd, EventFdWatcher watcher, VectorAccount? account) : IEventTrigger, IEventSource
{
    private const short PollOut = 4;

    private static readonly byte[] One = BitConverter.GetBytes(1UL);

    private int _uses = 1;
    private long _watch;

    private static ReadOnlySpan<byte> Target => "anon_inode:[eventfd]"u8;

    /// <summary>Fetches a descriptor each, nothing for a negative one. One that is no eventfd becomes a <see cref="DefectiveEventFd"/>: whether it matters is for the call's meaning to say.</summary>
    /// <param name="call">The call that names them.</param>
    /// <param name="fds">The descriptors' numbers in the client.</param>
    /// <param name="triggers">Room for as many.</param>
    /// <param name="accountOf">The account of the vector that the nth is for; null where they are for none.</param>
    internal static void Fetch(ClientCall call, ReadOnlySpan<int> fds, Span<IEventTrigger?> triggers, Func<int, VectorAccount?>? accountOf = null)
    {
        for (int i = 0; i < fds.Length; i++)
        {
            if (fds[i] < 0)
            {
                continue;
            }

            int copy = call.CopyFd(fds[i]);
            if (copy >= 0 && IsEventFd(copy))
            {
                triggers[i] = new EventFd(copy, call.Watcher, accountOf?.Invoke(i));
                continue;
            }

            Sys.CloseAside(copy); // some other file of the client's
            triggers[i] = new DefectiveEventFd(copy < 0 ? (Errno)(-copy) : Errno.EINVAL);
        }
    }

    /// <summary>The call that named it has armed its vector.</summary>
    internal void CountArmed()
    {
        if (account is not null)
        {
            account.Armed++;
        }
    }

    /// <inheritdoc/>
    public void Signal()
    {
        if (!TryUse())
        {
            return;
        }

        if (EventSignal.TrySignal(fd) || TryWrite())
        {
            account?.Deliver();
        }
        else
        {
            account?.Lose();
        }

        Release();
    }

    /// <inheritdoc/>
    public Errno Listen(Action signalled)
    {
        long watch = watcher.Add(fd, () =>
        {
            // The counter begins anew, as the kernel's own waiter has it (eventfd_ctx_do_read); somebody else may have read it first.
            Sys.ReadNoWait(fd, stackalloc byte[sizeof(ulong)]);
            signalled();
        });
        if (watch < 0)
        {
            return (Errno)(-watch);
        }

        _watch = watch;
        return Errno.None;
    }

    /// <inheritdoc/>
    public void Release()
    {
        if (_watch != 0)
        {
            watcher.Remove(fd, _watch);
            _watch = 0;
        }

        if (Interlocked.Decrement(ref _uses) == 0)
        {
            Sys.Close(fd);
        }
    }

    // A device may signal while the vector lets go: the descriptor's number must not be another file's by then.
    private bool TryUse()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses != 0)
        {
            int before = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (before == uses)
            {
                return true;
            }

            uses = before;
        }

        return false;
    }

    // Where the kernel's own signal is not to be had. A client that fills the counter between the two calls makes its own run wait.
    private bool TryWrite()
    {
        PollFd poll = new(fd, PollOut);
        return Sys.Poll(new Span<PollFd>(ref poll), 0) == 1 && (poll.Returned & PollOut) != 0 && Sys.Write(fd, One) > 0;
    }

    private static bool IsEventFd(int fd)
    {
        Span<byte> link = stackalloc byte[64];
        int length = Sys.ReadLink(Sys.AtFdCwd, ProcPath.OfOwnFd(stackalloc byte[ProcPath.Size], fd), link);
        return length == Target.Length && link[..length].SequenceEqual(Target);
    }
}
