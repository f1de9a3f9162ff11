using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;

namespace Doorbell.Linux.Supervision;

/// <summary>The call being answered: its thread's memory and descriptors. One object, reused for every call.</summary>
/// <param name="isCurrentValid">False once the caller is gone: what was read of /proc meanwhile may be another's.</param>
/// <param name="files">The emulated files.</param>
/// <param name="processes">The client's processes.</param>
/// <param name="events">Where it is told that a client's memory is out of reach.</param>
/// <param name="watcher">Waits for the client's eventfds.</param>
internal sealed class ClientCall(Func<bool> isCurrentValid, FileTable files, ClientProcesses processes, EventStream events, EventFdWatcher watcher)
{
    private const int ArgumentLimit = 64;

    private readonly byte[] _argument = new byte[ArgumentLimit];
    private int _argumentLength;
    private bool _saidUndumpable;

    /// <summary>Waits for eventfds of the client's.</summary>
    internal EventFdWatcher Watcher => watcher;

    /// <summary>The calling thread.</summary>
    internal int Tid { get; private set; }

    /// <summary>Which call.</summary>
    internal CallKind Kind { get; private set; }

    /// <summary>Of which emulated file; null while that is not known, and for an open.</summary>
    internal ClientFile? File { get; private set; }

    /// <summary>The ioctl's number; the bytes of a read, write or mapping.</summary>
    internal ulong Request { get; private set; }

    /// <summary>The ioctl's argument; where in the client a read or write has its bytes.</summary>
    internal ulong Argument { get; private set; }

    /// <summary>Where in the file, for a read, write or mapping.</summary>
    internal ulong Offset { get; private set; }

    /// <summary>The node an open leads to.</summary>
    internal string? Node { get; private set; }

    /// <summary>Somebody has said why the call is refused.</summary>
    internal bool IsExplained { get; set; }

    /// <summary>The caller was killed: nobody waits for an answer.</summary>
    internal bool IsCallerGone => !isCurrentValid();

    /// <summary>What has been read of the structure at <see cref="Argument"/>, its first bytes at most: what the call was answered by, whatever the client writes there meanwhile.</summary>
    internal ReadOnlySpan<byte> ArgumentBytes => _argument.AsSpan(0, _argumentLength);

    /// <summary>What was armed in the run so far.</summary>
    internal VectorAccounts Vectors { get; } = new(events);

    /// <summary>Begins the next call.</summary>
    internal void Begin(int tid)
    {
        Tid = tid;
        Kind = CallKind.None;
        File = null;
        Node = null;
        IsExplained = false;
        Argument = 0;
        _argumentLength = 0;
    }

    /// <summary>The call concerns an emulated file.</summary>
    internal void Concerns(CallKind kind, ClientFile file, ulong request, ulong argument, ulong offset = 0)
    {
        Kind = kind;
        File = file;
        Request = request;
        Argument = argument;
        Offset = offset;
    }

    /// <summary>The call opens a node.</summary>
    internal void Opens(string node)
    {
        Kind = CallKind.Open;
        Node = node;
    }

    /// <summary>Copies the client's memory, all or (false, EFAULT) nothing of use. Every argument is read once (T6).</summary>
    internal bool TryRead(ulong address, Span<byte> destination)
    {
        bool isThere = Check(ProcessMemory.Read(Tid, address, destination), destination.Length);
        if (isThere && address == Argument && _argumentLength < destination.Length)
        {
            _argumentLength = Math.Min(destination.Length, ArgumentLimit);
            destination[.._argumentLength].CopyTo(_argument);
        }

        return isThere;
    }

    /// <summary>Copies into the client's memory. Whoever was killed meanwhile may have left its number to another, whose memory is not touched.</summary>
    internal bool TryWrite(ulong address, ReadOnlySpan<byte> source) => isCurrentValid() && Check(ProcessMemory.Write(Tid, address, source), source.Length);

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
    /// <param name="failure">EMFILE or ENFILE where there was no descriptor to reach it by, else EFAULT.</param>
    /// <remarks>Null when it is gone, which the caller will not live to hear of, or cannot be reached.</remarks>
    internal ProcessMemory? Process(out Errno failure)
    {
        ProcessMemory? process = processes.OfThread(Tid, out failure);
        failure = failure is Errno.EMFILE or Errno.ENFILE ? failure : Errno.EFAULT;
        return process is not null && isCurrentValid() ? process : null;
    }

    /// <summary>A copy of one of the client's descriptors (T7), or a negative errno (EBADF when it has none of that number).</summary>
    internal int CopyFd(int fd)
    {
        if (fd < 0)
        {
            return -(int)Errno.EBADF;
        }

        // The thread's own (PIDFD_THREAD, Linux 6.9): it may have left the table of the others (unshare(CLONE_FILES)), or the main thread has ended and its
        // descriptors with it. An older kernel knows the main thread's only.
        int copy;
        int thread = (int)Sys.Call(Nr.PidfdOpen, Tid, Sys.O_EXCL);
        if (thread >= 0)
        {
            copy = Sys.PidfdGetFd(thread, fd);
            Sys.Close(thread);
        }
        else
        {
            copy = Process(out Errno failure) is { } process ? Sys.PidfdGetFd(process.Pidfd, fd) : -(int)(failure == Errno.EFAULT ? Errno.EBADF : failure);
        }

        Check(copy, 0);
        return DescriptorReserve.Spare(copy);
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
