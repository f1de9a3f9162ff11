using System.Globalization;
using Doorbell.Fabric;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Another process's memory, reached by process_vm_readv(2) and process_vm_writev(2) (T6). Any thread may use it; it neither locks nor allocates.
/// </summary>
/// <remarks>
/// A main thread that ended by pthread_exit(3) has neither memory nor descriptors any more, while its process goes on by its other threads.
/// Then it is one of those that is asked (and looking for it allocates).
/// </remarks>
/// <param name="pid">The thread group (T8): it stays while any of its threads runs.</param>
/// <param name="pidfd">Says when the process ends.</param>
internal sealed unsafe class ProcessMemory(int pid, int pidfd) : IHostMemory
{
    private int _task = pid;
    private bool _ended;

    /// <summary>The process.</summary>
    internal int Pid { get; } = pid;

    /// <summary>The thread that called last: for as long as its call lasts, what /proc says of it is true of the process.</summary>
    internal int Caller { get; set; } = pid;

    /// <summary>Descriptor to poll for the process's end and to fetch its descriptors by.</summary>
    internal int Pidfd => pidfd;

    /// <summary>True once the process has ended: its number may be another's.</summary>
    internal bool HasEnded => Volatile.Read(ref _ended);

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

    /// <summary>Called by the supervisor, which saw the end.</summary>
    internal void End()
    {
        Volatile.Write(ref _ended, true);
        Sys.Close(pidfd);
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

    private bool TryCopy(int call, ulong address, byte* own, int length)
    {
        if (HasEnded)
        {
            return false;
        }

        int task = Volatile.Read(ref _task);
        nint result = task == Pid || IsThread(task) ? Copy(call, task, address, own, length) : -(int)Errno.ESRCH;
        return (result == -(int)Errno.ESRCH ? CopyByAnotherThread(call, address, own, length) : result) == length;
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
