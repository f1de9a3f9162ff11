using System.Runtime.InteropServices;
using Doorbell.Linux.Native;
using Doorbell.Linux.Uapi;

namespace Doorbell.Linux.Seccomp;

/// <summary>The supervisor's end of the filter: takes one trapped call at a time and answers it. Allocates nothing a call.</summary>
internal sealed unsafe class SeccompListener : IDisposable
{
    private readonly SeccompNotification* _notification = (SeccompNotification*)NativeMemory.AllocZeroed((nuint)sizeof(SeccompNotification));
    private readonly SeccompResponse* _response = (SeccompResponse*)NativeMemory.AllocZeroed((nuint)sizeof(SeccompResponse));
    private readonly SeccompAddFd* _addFd = (SeccompAddFd*)NativeMemory.AllocZeroed((nuint)sizeof(SeccompAddFd));
    private bool _disposed;

    internal SeccompListener(int fd)
    {
        Fd = fd;

        // Older kernels answer EINVAL and wake the ordinary way (T3).
        Sys.Ioctl(fd, SeccompUapi.NotifSetFlags, SeccompUapi.FdSyncWakeUp);
    }

    internal int Fd { get; }

    /// <summary>The call taken last; the kernel's own layout.</summary>
    internal ref readonly SeccompNotification Current => ref *_notification;

    /// <summary>Takes the next call. ENOENT (the caller is gone) and EINTR are ordinary (T2).</summary>
    internal int Receive()
    {
        *_notification = default; // the kernel wants zeros
        return (int)Sys.Ioctl(Fd, SeccompUapi.NotifRecv, (nint)_notification);
    }

    /// <summary>Answers the current call. ENOENT: the caller was killed meanwhile.</summary>
    internal int Answer(long value, int errno)
    {
        *_response = new SeccompResponse { Id = _notification->Id, Value = errno == 0 ? value : 0, Error = -errno };
        return (int)Sys.Ioctl(Fd, SeccompUapi.NotifSend, (nint)_response);
    }

    /// <summary>Lets the kernel carry out the current call.</summary>
    internal int Continue()
    {
        *_response = new SeccompResponse { Id = _notification->Id, Flags = SeccompUapi.RespFlagContinue };
        return (int)Sys.Ioctl(Fd, SeccompUapi.NotifSend, (nint)_response);
    }

    /// <summary>Puts a copy of a descriptor into the caller and answers with its number, in one step.</summary>
    internal int AnswerWithFd(int fd, bool closeOnExec)
    {
        *_addFd = new SeccompAddFd
        {
            Id = _notification->Id,
            Flags = SeccompUapi.AddFdFlagSend,
            SourceFd = (uint)fd,
            NewFdFlags = closeOnExec ? (uint)Sys.O_CLOEXEC : 0,
        };
        return (int)Sys.Ioctl(Fd, SeccompUapi.NotifAddFd, (nint)_addFd);
    }

    /// <summary>False once the caller is gone: what was read of /proc meanwhile may be another's.</summary>
    internal bool IsCurrentValid() => Sys.Ioctl(Fd, SeccompUapi.NotifIdValid, (nint)(&_notification->Id)) == 0;

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Sys.Close(Fd);
            NativeMemory.Free(_notification);
            NativeMemory.Free(_response);
            NativeMemory.Free(_addFd);
        }
    }
}
