using Doorbell.Fabric;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Supervision;

/// <summary>
/// Another process's memory, reached by process_vm_readv(2) and process_vm_writev(2) (T6). Any thread may use it; it neither locks nor allocates.
/// </summary>
/// <param name="pid">The thread group (T8): it stays while any of its threads runs.</param>
/// <param name="pidfd">Says when the process ends.</param>
internal sealed unsafe class ProcessMemory(int pid, int pidfd) : IHostMemory
{
    private bool _ended;

    /// <summary>The process.</summary>
    internal int Pid => pid;

    /// <summary>Descriptor to poll for the process's end and to fetch its descriptors by.</summary>
    internal int Pidfd => pidfd;

    /// <summary>True once the process has ended: its number may be another's.</summary>
    internal bool HasEnded => Volatile.Read(ref _ended);

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination) =>
        !HasEnded && Read(pid, address, destination) == destination.Length;

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source) =>
        !HasEnded && Write(pid, address, source) == source.Length;

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
