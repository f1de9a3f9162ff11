using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>
/// eventfd_signal() of the kernel from user space: adds one to an eventfd's counter, stops at its end and never waits, whatever flags its
/// owner gave the file. Any thread may use it; it neither locks nor allocates.
/// </summary>
/// <remarks>
/// A write(2) waits where the counter is full, O_NONBLOCK belongs to the client's own file, and between a look at the counter and the write
/// the client can fill it. But a completion of asynchronous I/O signals the eventfd that was asked for (IOCB_FLAG_RESFD, io_submit(2)), and that
/// signal is the kernel's own. The I/O is a read of no bytes, complete at once.
/// </remarks>
internal static unsafe class EventSignal
{
    private const int RingSize = 128;
    private const int EventSize = 32; // struct io_event
    private const uint ToEventFd = 1; // IOCB_FLAG_RESFD

    private static readonly int s_nothing = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDONLY | Sys.O_CLOEXEC);
    private static readonly nint s_context = Create();

    /// <summary>False where the kernel has no asynchronous I/O, or a container's profile forbids it: nothing was signalled.</summary>
    internal static bool TrySignal(int eventFd)
    {
        if (s_context == 0)
        {
            return false;
        }

        var request = new Request { File = s_nothing, Flags = ToEventFd, EventFd = eventFd };
        Request* pointer = &request;
        nint result;
        while ((result = Sys.Call(Nr.IoSubmit, s_context, 1, (nint)(&pointer))) == -(int)Errno.EAGAIN)
        {
            TakeCompletions();
        }

        return result == 1;
    }

    /// <summary>Nobody looks at the completions; but their ring must have room.</summary>
    private static void TakeCompletions()
    {
        byte* events = stackalloc byte[RingSize * EventSize];
        Sys.Call(Nr.IoGetEvents, s_context, 0, RingSize, (nint)events, 0);
    }

    private static nint Create()
    {
        nint context = 0;
        return s_nothing >= 0 && Sys.Call(Nr.IoSetup, RingSize, (nint)(&context)) == 0 ? context : 0;
    }

    /// <summary>struct iocb of linux/aio_abi.h. Zeros are IOCB_CMD_PREAD of no bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Request
    {
        [FieldOffset(20)]
        internal int File;

        [FieldOffset(56)]
        internal uint Flags;

        [FieldOffset(60)]
        internal int EventFd;
    }
}
