using System.Globalization;
using Doorbell.Fabric;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Another process's memory (T6). Any thread may use it; it neither locks nor allocates.
/// </summary>
/// <remarks>
/// <para>It is the memory of the program that ran when it was made: /proc/PID/mem, once open, stays with the program's address space, which exec(2) ends. After it
/// nothing is found here any more, while process_vm_readv(2) would find the next program's bytes at the same address. Small copies go through that file, which
/// is also the quicker way; large ones by process_vm_readv(2) and process_vm_writev(2), about twice as quick, after a look whether the program is still
/// the same one. (What is left is an exec in the microsecond between the look and a large write: it would reach the same client's next program.)</para>
/// <para>A main thread that ended by pthread_exit(3) has neither memory nor descriptors any more, while its process goes on by its other threads; the file
/// still leads there. Where the file cannot be opened one of those threads is asked (and looking for it allocates).</para>
/// </remarks>
/// <param name="pid">The thread group (T8): it stays while any of its threads runs.</param>
/// <param name="pidfd">Says when the process ends.</param>
/// <param name="file">/proc/PID/mem, or a negative errno; owned.</param>
internal sealed unsafe class ProcessMemory(int pid, int pidfd, int file) : IHostMemory
{
    private const int Small = 8192;

    private int _uses = 1;
    private int _task = pid;
    private bool _ended;
    private bool _isGone;

    /// <summary>The process.</summary>
    internal int Pid { get; } = pid;

    /// <summary>The thread that called last: for as long as its call lasts, what /proc says of it is true of the process.</summary>
    internal int Caller { get; set; } = pid;

    /// <summary>Descriptor to poll for the process's end and to fetch its descriptors by.</summary>
    internal int Pidfd => pidfd;

    /// <summary>True once the process has ended: its number may be another's.</summary>
    internal bool HasEnded => Volatile.Read(ref _ended);

    /// <inheritdoc/>
    /// <remarks>Its memory goes before its end is seen.</remarks>
    bool IHostMemory.HasEnded => HasEnded || Volatile.Read(ref _isGone);

    /// <inheritdoc/>
    public bool TryRead(ReadOnlySpan<HostMemoryRange> ranges, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return TryCopy(Nr.ProcessVmReadv, ranges, start, destination.Length);
        }
    }

    /// <inheritdoc/>
    public bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            return TryCopy(Nr.ProcessVmWritev, ranges, start, source.Length);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return TryCopy(Nr.ProcessVmReadv, address, start, destination.Length);
        }
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            return TryCopy(Nr.ProcessVmWritev, address, start, source.Length);
        }
    }

    /// <summary>False once the process runs another program (exec): the memory this was is gone.</summary>
    internal bool IsSameProgram
    {
        get
        {
            // Nothing is ever mapped at 0, which is EIO; an address space without users has no bytes at all, which is 0.
            byte unused;
            return file < 0 || Sys.Call(Nr.Pread64, file, (nint)(&unused), 1, 0) != 0;
        }
    }

    /// <summary>Called by the supervisor, which saw the end of the process or of its program.</summary>
    internal void End()
    {
        if (!HasEnded)
        {
            Volatile.Write(ref _ended, true);
            Sys.Close(pidfd);
            Drop();
        }
    }

    /// <summary>Copies out of a process; the number of bytes there were, or a negative errno.</summary>
    internal static nint Read(int task, ulong address, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return Copy(Nr.ProcessVmReadv, task, address, start, destination.Length);
        }
    }

    /// <summary>Copies into a process; the number of bytes there was room for, or a negative errno.</summary>
    internal static nint Write(int task, ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            return Copy(Nr.ProcessVmWritev, task, address, start, source.Length);
        }
    }

    // All at once where that is possible; else the caller goes on piece by piece.
    private bool TryCopy(int call, ReadOnlySpan<HostMemoryRange> ranges, byte* own, int length)
    {
        const int MostPieces = 64;
        if (Volatile.Read(ref _task) != Pid || ranges.Length > MostPieces || !TryUse())
        {
            return false;
        }

        nint* ownVector = stackalloc nint[2] { (nint)own, length };
        nint* itsVector = stackalloc nint[2 * MostPieces];
        for (int i = 0; i < ranges.Length; i++)
        {
            itsVector[2 * i] = (nint)ranges[i].Address;
            itsVector[(2 * i) + 1] = ranges[i].Length;
        }

        bool isDone = IsSameProgram && Sys.Call(call, Pid, (nint)ownVector, 1, (nint)itsVector, ranges.Length) == length
            && (call == Nr.ProcessVmWritev || IsSameProgram);
        Drop();
        return isDone;
    }

    private bool TryCopy(int call, ulong address, byte* own, int length)
    {
        if (!TryUse())
        {
            return false;
        }

        bool isDone = file < 0 ? TryCopyByTask(call, address, own, length)
            : length > Small && TryCopyLarge(call, address, own, length) ? call == Nr.ProcessVmWritev || IsSameProgram
            : TryCopyByFile(call == Nr.ProcessVmReadv ? Nr.Pread64 : Nr.Pwrite64, address, own, length);
        Drop();
        return isDone;
    }

    private bool TryCopyLarge(int call, ulong address, byte* own, int length) => IsSameProgram && Copy(call, Pid, address, own, length) == length;

    private bool TryCopyByFile(int call, ulong address, byte* own, int length)
    {
        for (nint done = 0; done < length;)
        {
            nint part = Sys.Call(call, file, (nint)(own + done), length - done, (nint)address + done);
            if (part <= 0)
            {
                if (part == 0)
                {
                    Volatile.Write(ref _isGone, true); // nobody runs in that memory any more
                }

                return false;
            }

            done += part;
        }

        return true;
    }

    private bool TryCopyByTask(int call, ulong address, byte* own, int length)
    {
        int task = Volatile.Read(ref _task);
        nint result = task == Pid || IsThread(task) ? Copy(call, task, address, own, length) : -(int)Errno.ESRCH;
        return (result == -(int)Errno.ESRCH ? CopyByAnotherThread(call, address, own, length) : result) == length;
    }

    // A device may copy while the supervisor sees the end: the file's number must not be another file's by then.
    private bool TryUse()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses != 0 && !HasEnded)
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

    private void Drop()
    {
        if (Interlocked.Decrement(ref _uses) == 0)
        {
            Sys.Close(file);
        }
    }

    private nint CopyByAnotherThread(int call, ulong address, byte* own, int length)
    {
        try
        {
            foreach (string thread in Directory.EnumerateDirectories($"/proc/{Pid.ToString(CultureInfo.InvariantCulture)}/task"))
            {
                int task = int.Parse(Path.GetFileName(thread.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture);
                nint result = Copy(call, task, address, own, length);
                if (result != -(int)Errno.ESRCH)
                {
                    Volatile.Write(ref _task, task);
                    return result;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // The process ended.
        }

        Volatile.Write(ref _isGone, true);
        return -(int)Errno.ESRCH;
    }

    /// <summary>A thread's number may be another process's once the thread has ended; the process's own may not (its end is watched).</summary>
    private bool IsThread(int task)
    {
        Span<byte> path = stackalloc byte[ProcPath.Size];
        return Sys.Stat(Sys.AtFdCwd, ProcPath.OfThread(path, Pid, task), 0, out _) == 0;
    }

    private static nint Copy(int call, int task, ulong address, byte* own, int length)
    {
        if (length == 0)
        {
            return 0;
        }

        nint* ownVector = stackalloc nint[2] { (nint)own, length };
        nint* itsVector = stackalloc nint[2] { (nint)address, length };
        return Sys.Call(call, task, (nint)ownVector, 1, (nint)itsVector, 1);
    }
}
