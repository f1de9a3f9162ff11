using Doorbell.Events;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>The call being answered: its thread's memory and descriptors. One object, reused for every call.</summary>
/// <param name="isCurrentValid">False once the caller is gone: what was read of /proc meanwhile may be another's.</param>
/// <param name="files">The emulated files.</param>
/// <param name="processes">The client's processes.</param>
/// <param name="events">Where it is told that a client's memory is out of reach.</param>
internal sealed class ClientCall(Func<bool> isCurrentValid, FileTable files, ClientProcesses processes, EventStream events)
{
    private bool _saidUndumpable;

    /// <summary>The calling thread.</summary>
    internal int Tid { get; private set; }

    /// <summary>Begins the next call.</summary>
    internal void Begin(int tid) => Tid = tid;

    /// <summary>Copies the client's memory, all or (false, EFAULT) nothing of use. Every argument is read once (T6).</summary>
    internal bool TryRead(ulong address, Span<byte> destination) => Check(ProcessMemory.Read(Tid, address, destination), destination.Length);

    /// <summary>Copies into the client's memory.</summary>
    internal bool TryWrite(ulong address, ReadOnlySpan<byte> source) => Check(ProcessMemory.Write(Tid, address, source), source.Length);

    /// <summary>As much as there is, up to the span's length; 0 or less when there is nothing.</summary>
    internal nint ReadSome(ulong address, Span<byte> destination)
    {
        nint result = ProcessMemory.Read(Tid, address, destination);
        Check(result, destination.Length);
        return result;
    }

    /// <summary>The emulated file behind one of the client's descriptors; null when it is none of ours.</summary>
    internal ClientFile? FileOf(int fd) => fd < 0 ? null : files.Find(Tid, fd);

    /// <summary>The calling process, for memory and descriptors that outlast the call.</summary>
    /// <remarks>Null when it is gone, which the caller will not live to hear of.</remarks>
    internal ProcessMemory? Process()
    {
        ProcessMemory? process = processes.OfThread(Tid);
        return process is not null && isCurrentValid() ? process : null;
    }

    /// <summary>A copy of one of the client's descriptors (T7), or a negative errno (EBADF when it has none of that number).</summary>
    internal int CopyFd(int fd)
    {
        if (fd < 0)
        {
            return -(int)Errno.EBADF;
        }

        ProcessMemory? process = Process();
        int copy = process is null ? -(int)Errno.EBADF : Sys.PidfdGetFd(process.Pidfd, fd);
        if (copy == -(int)Errno.ESRCH)
        {
            // The main thread has ended before the others, and its descriptors with it: ask this one (PIDFD_THREAD, Linux 6.9).
            int thread = (int)Sys.Call(Nr.PidfdOpen, Tid, Sys.O_EXCL);
            copy = thread < 0 ? copy : Sys.PidfdGetFd(thread, fd);
            Sys.Close(thread);
        }

        Check(copy, 0);
        return copy;
    }

    /// <summary>Says, once, that the client cannot be looked at (T11).</summary>
    internal void SayUndumpable()
    {
        // A thread that is just ending looks the same, and is nothing to speak of.
        if (_saidUndumpable || !isCurrentValid())
        {
            return;
        }

        _saidUndumpable = true;
        events.Emit(new Refusal
        {
            Operation = "reading the client's memory",
            Subject = $"process {Tid}",
            Errno = Errno.EPERM,
            Rule = "T11",
            Reason = "the client made itself undumpable, or a security module (Yama, kernel.yama.ptrace_scope 3) forbids access to its memory",
            Remedy = "start it without privileges of its own (no file capabilities, no prctl(PR_SET_DUMPABLE, 0))",
        });
    }

    private bool Check(nint result, int wanted)
    {
        if (result == -(int)Errno.EPERM)
        {
            SayUndumpable();
        }

        return result == wanted;
    }
}
