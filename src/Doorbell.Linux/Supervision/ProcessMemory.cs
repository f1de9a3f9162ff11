using Doorbell.Fabric;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Another process's memory (T6). Any thread may use it; it neither locks nor allocates.
/// </summary>
/// <remarks>
/// <para>What outlasts a call (DMA) goes by /proc/PID/mem, whose descriptor holds the memory itself and not the process's number: when the process ends or
/// executes another program, it leads nowhere, whoever gets the number. Only within a call, whose caller waits for it, is memory named by the thread.</para>
/// <para>Small copies go through that file, which is also the quicker way; large ones and those of many pieces by process_vm_readv(2) and
/// process_vm_writev(2), about twice as quick, between two looks whether the program is still the same one. (What is left is an exec in the
/// microsecond between the look and such a write: it would reach the same client's next program.)</para>
/// </remarks>
internal sealed unsafe class ProcessMemory : IHostMemory
{
    private const int Small = 8192;
    private const int MostPieces = 64;

    private readonly int _memory;
    private int _uses = 1;
    private bool _ended;
    private bool _isGone;

    private ProcessMemory(int pid, int pidfd, int memory) => (Pid, Pidfd, _memory) = (pid, pidfd, memory);

    /// <summary>The process: its thread group (T8), which stays while any of its threads runs.</summary>
    internal int Pid { get; }

    /// <summary>The thread that called last: for as long as its call lasts, what /proc says of it is true of the process.</summary>
    internal int Caller { get; set; }

    /// <summary>Descriptor to poll for the process's end and to fetch its descriptors by.</summary>
    internal int Pidfd { get; }

    /// <summary>True once the process has ended: its number may be another's.</summary>
    internal bool HasEnded => Volatile.Read(ref _ended);

    /// <inheritdoc/>
    /// <remarks>Its memory goes before its end is seen.</remarks>
    bool IHostMemory.HasEnded => HasEnded || Volatile.Read(ref _isGone);

    /// <summary>True once the memory is nobody's: the process has ended, or executes another program (execve(2)).</summary>
    internal bool IsGone
    {
        get
        {
            byte first = 0;
            bool isGone = Wait(Nr.PRead64, _memory, (nint)(&first), 1, 0) == 0; // EIO where there is memory, but not at 0
            if (isGone)
            {
                Volatile.Write(ref _isGone, true);
            }

            return isGone;
        }
    }

    /// <summary>Takes hold of a process and its memory while one of its threads waits for an answer; null when it is gone or out of reach.</summary>
    internal static ProcessMemory? Open(int pid, int tid, out Errno failure)
    {
        failure = Errno.None;
        int pidfd = DescriptorReserve.Spare(Sys.PidfdOpen(pid));
        if (pidfd < 0)
        {
            failure = (Errno)(-pidfd);
            return null;
        }

        // By the thread: the main thread may have ended before the others (pthread_exit(3)), and has no memory then.
        Span<byte> path = stackalloc byte[ProcPath.Size];
        int memory = Sys.OpenAt(Sys.AtFdCwd, ProcPath.Of(path, tid, "mem"u8), Sys.O_RDWR | Sys.O_CLOEXEC);
        if (memory < 0)
        {
            failure = (Errno)(-memory);
            Sys.Close(pidfd);
            return null;
        }

        return new ProcessMemory(pid, pidfd, memory) { Caller = tid };
    }

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
    public bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, KernelBytes source) =>
        TryCopy(Nr.ProcessVmWritev, ranges, (byte*)source.Address, source.Length);

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

    /// <summary>Called by the supervisor, which saw the end of the process or of its program.</summary>
    internal void End()
    {
        Volatile.Write(ref _ended, true);
        Release();
    }

    /// <summary>Copies out of the process of a thread that waits for an answer; the number of bytes there were, or a negative errno.</summary>
    internal static nint Read(int task, ulong address, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return Copy(Nr.ProcessVmReadv, task, address, start, destination.Length);
        }
    }

    /// <summary>Copies into the process of such a thread; the number of bytes there was room for, or a negative errno.</summary>
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
        if (ranges.Length > MostPieces || !TryUse())
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

        bool isDone = !IsGone && Wait(call, Pid, (nint)ownVector, 1, (nint)itsVector, ranges.Length) == length && (call == Nr.ProcessVmWritev || !IsGone);
        Release();
        return isDone;
    }

    private bool TryCopy(int call, ulong address, byte* own, int length)
    {
        if (!TryUse())
        {
            return false;
        }

        bool isDone = length > Small && !IsGone && Copy(call, Pid, address, own, length) == length
            ? call == Nr.ProcessVmWritev || !IsGone
            : TryCopyByFile(call == Nr.ProcessVmReadv ? Nr.PRead64 : Nr.PWrite64, address, own, length);
        Release();
        return isDone;
    }

    private bool TryCopyByFile(int call, ulong address, byte* own, int length)
    {
        for (nint done = 0; done < length;)
        {
            nint part = Wait(call, _memory, (nint)(own + done), length - done, (nint)address + done);
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

    // A device may be at it while the process ends: the descriptor's number must not be another file's by then.
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

    private void Release()
    {
        if (Interlocked.Decrement(ref _uses) == 0)
        {
            Sys.Close(_memory);
            Sys.Close(Pidfd);
        }
    }

    private static nint Copy(int call, int task, ulong address, byte* own, int length)
    {
        if (length == 0)
        {
            return 0;
        }

        nint* ownVector = stackalloc nint[2] { (nint)own, length };
        nint* itsVector = stackalloc nint[2] { (nint)address, length };
        return Wait(call, task, (nint)ownVector, 1, (nint)itsVector, 1);
    }

    // The memory may have to come from the client itself first.
    private static nint Wait(int call, nint a0, nint a1, nint a2, nint a3, nint a4 = 0)
    {
        CopyWatchdog? watchdog = CopyWatchdog.OfThisThread;
        watchdog?.Begin();
        nint result = Sys.Call(call, a0, a1, a2, a3, a4);
        watchdog?.End();
        return result;
    }
}
