using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>System calls, as the kernel has them: a negative result is an errno. Nothing here allocates.</summary>
internal static unsafe partial class Sys
{
    internal const int AtFdCwd = -100;
    internal const int AtSymlinkNoFollow = 0x100;
    internal const int AtEmptyPath = 0x1000;

    /// <summary>Asks nobody behind the file system: a server of the client's own (FUSE) need not answer.</summary>
    internal const int AtStatxDontSync = 0x4000;

    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_ACCMODE = 3;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_CLOEXEC = 0x80000;
    internal const int O_PATH = 0x200000;

    internal const short PollIn = 1;
    internal const short PollHup = 0x10;

    /// <summary>x86 and arm64 disagree on these three (asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h).</summary>
    internal static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
    internal static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
    internal static readonly int O_TMPFILE = 0x400000 | O_DIRECTORY;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint RawSyscall(nint number, nint a0, nint a1, nint a2, nint a3, nint a4, nint a5);

    /// <summary>Any system call; a negative result is an errno.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint Call(int number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0)
    {
        nint result = RawSyscall(number, a0, a1, a2, a3, a4, a5);
        return result == -1 ? -Marshal.GetLastPInvokeError() : result;
    }

    internal static void Close(int fd)
    {
        if (fd >= 0)
        {
            Call(Nr.Close, fd);
        }
    }

    internal static nint Read(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Call(Nr.Read, fd, (nint)start, buffer.Length);
        }
    }

    /// <summary>Reads what is there without waiting for it, whatever the descriptor's own flags say (RWF_NOWAIT): EAGAIN where nothing is.</summary>
    internal static nint ReadNoWait(int fd, Span<byte> buffer)
    {
        const int NoWait = 8;
        fixed (byte* start = buffer)
        {
            nint* vector = stackalloc nint[2] { (nint)start, buffer.Length };
            return Call(Nr.Preadv2, fd, (nint)vector, 1, -1, -1, NoWait);
        }
    }

    internal static nint Write(int fd, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Call(Nr.Write, fd, (nint)start, buffer.Length);
        }
    }

    internal static nint PWrite(int fd, ReadOnlySpan<byte> buffer, long offset)
    {
        fixed (byte* start = buffer)
        {
            return Call(Nr.PWrite64, fd, (nint)start, buffer.Length, (nint)offset);
        }
    }

    internal static nint PRead(int fd, Span<byte> buffer, long offset)
    {
        fixed (byte* start = buffer)
        {
            return Call(Nr.PRead64, fd, (nint)start, buffer.Length, (nint)offset);
        }
    }

    internal static nint Fsync(int fd) => Call(Nr.Fsync, fd);

    internal static nint Fallocate(int fd, int mode, ulong offset, ulong length) => Call(Nr.Fallocate, fd, mode, (nint)offset, (nint)length);

    /// <summary>Sets a file's length.</summary>
    internal static int Truncate(int fd, ulong length) => (int)Call(Nr.FTruncate, fd, (nint)length);

    /// <summary>Maps a file from its beginning, shared and to be read; 0 where that cannot be.</summary>
    internal static nint MapForReading(int fd, ulong length)
    {
        const int ProtRead = 1;
        const int MapShared = 1;
        nint address = Call(Nr.MMap, 0, (nint)length, ProtRead, MapShared, fd, 0);
        return address is < 0 and > -4096 ? 0 : address;
    }

    /// <summary>Takes such a mapping away.</summary>
    internal static void Unmap(nint address, ulong length) => Call(Nr.MUnmap, address, (nint)length);

    /// <summary>Sleeps, unless a signal comes.</summary>
    internal static void Sleep(long nanoseconds)
    {
        long* time = stackalloc long[2] { nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000 };
        Call(Nr.NanoSleep, (nint)time);
    }

    internal static nint Ioctl(int fd, uint request, nint argument) => Call(Nr.Ioctl, fd, (nint)request, argument);

    /// <summary>Opens; <paramref name="path"/> ends with a NUL.</summary>
    internal static int OpenAt(int directory, ReadOnlySpan<byte> path, int flags, int mode = 0)
    {
        fixed (byte* start = path)
        {
            return (int)Call(Nr.OpenAt, directory, (nint)start, flags, mode);
        }
    }

    /// <summary>Opens with resolution rules (<see cref="ResolveInRoot"/>); <paramref name="path"/> ends with a NUL.</summary>
    internal static int OpenAt2(int directory, ReadOnlySpan<byte> path, ulong flags, ulong resolve)
    {
        ulong* how = stackalloc ulong[3] { flags, 0, resolve };
        fixed (byte* start = path)
        {
            return (int)Call(Nr.OpenAt2, directory, (nint)start, (nint)how, 3 * sizeof(ulong));
        }
    }

    /// <summary>RESOLVE_IN_ROOT of openat2(2): the directory is the root for this walk.</summary>
    internal const ulong ResolveInRoot = 0x10;

    /// <summary>RESOLVE_CACHED of openat2(2): EAGAIN where the walk would have to wait for anything that is not in the kernel's memory.</summary>
    internal const ulong ResolveCached = 0x20;

    /// <summary>What a file is; <paramref name="path"/> ends with a NUL and may be empty with <see cref="AtEmptyPath"/>.</summary>
    internal static int Stat(int directory, ReadOnlySpan<byte> path, int flags, out FileIdentity identity)
    {
        // struct statx: mode at 28, inode at 32, device major and minor at 136 and 140.
        const uint TypeModeAndInode = 0x1 | 0x2 | 0x100;
        byte* buffer = stackalloc byte[256];
        int result;
        fixed (byte* start = path)
        {
            result = (int)Call(Nr.Statx, directory, (nint)start, flags, (nint)TypeModeAndInode, (nint)buffer);
        }

        identity = result < 0
            ? default
            : new FileIdentity(((ulong)*(uint*)(buffer + 136) << 32) | *(uint*)(buffer + 140), *(ulong*)(buffer + 32));
        return result;
    }

    /// <summary>chmod(2), links followed; <paramref name="path"/> ends with a NUL.</summary>
    internal static int ChangeMode(ReadOnlySpan<byte> path, int mode)
    {
        fixed (byte* start = path)
        {
            return (int)Call(Nr.FChmodAt, AtFdCwd, (nint)start, mode);
        }
    }

    /// <summary>Closes a descriptor whose close may wait (a socket that lingers, a file of a server in user space) without waiting for it.</summary>
    internal static void CloseAside(int fd)
    {
        if (fd >= 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static aside => Close(aside), fd, preferLocal: false);
        }
    }

    /// <summary>True for a regular file, links followed; <paramref name="path"/> ends with a NUL.</summary>
    internal static bool IsRegular(ReadOnlySpan<byte> path)
    {
        // struct statx: mode at 28; S_IFMT and S_IFREG of inode(7).
        const uint Type = 0x1;
        byte* buffer = stackalloc byte[256];
        fixed (byte* start = path)
        {
            return Call(Nr.Statx, AtFdCwd, (nint)start, 0, (nint)Type, (nint)buffer) >= 0 && (*(ushort*)(buffer + 28) & 0xf000) == 0x8000;
        }
    }

    /// <summary>Reads a symbolic link; <paramref name="path"/> ends with a NUL.</summary>
    internal static int ReadLink(int directory, ReadOnlySpan<byte> path, Span<byte> target)
    {
        fixed (byte* start = path)
        fixed (byte* destination = target)
        {
            return (int)Call(Nr.ReadLinkAt, directory, (nint)start, (nint)destination, target.Length);
        }
    }

    /// <summary>Waits for events. A negative timeout waits for ever.</summary>
    internal static int Poll(Span<PollFd> fds, int timeoutMilliseconds)
    {
        long* time = stackalloc long[2] { timeoutMilliseconds / 1000, timeoutMilliseconds % 1000 * 1_000_000L };
        fixed (PollFd* start = fds)
        {
            return (int)Call(Nr.Ppoll, (nint)start, fds.Length, timeoutMilliseconds < 0 ? 0 : (nint)time);
        }
    }

    internal static int Prctl(int option, nint a = 0, nint b = 0, nint c = 0, nint d = 0) => (int)Call(Nr.Prctl, option, a, b, c, d);

    internal static int PidfdOpen(int pid) => (int)Call(Nr.PidfdOpen, pid);

    internal static int PidfdGetFd(int pidfd, int fd) => (int)Call(Nr.PidfdGetFd, pidfd, fd);

    internal static int PidfdSendSignal(int pidfd, int signal) => (int)Call(Nr.PidfdSendSignal, pidfd, signal);

    /// <summary>Waits for a child; the kernel's status word in <paramref name="status"/>.</summary>
    internal static int Wait(int pid, out int status, bool block = true)
    {
        const int NoHang = 1;
        int word = 0;
        int result;
        do
        {
            result = (int)Call(Nr.Wait4, pid, (nint)(&word), block ? 0 : NoHang);
        }
        while (result == -(int)Errno.EINTR);
        status = word;
        return result;
    }

    /// <summary>False when this process has no child at all.</summary>
    internal static bool HasChildren()
    {
        const int All = 0;
        const int ExitedNoHangNoWait = 0x4 | 0x1 | 0x0100_0000;
        byte* info = stackalloc byte[128];
        return Call(Nr.WaitId, All, 0, (nint)info, ExitedNoHangNoWait, 0) >= 0;
    }

    /// <summary>True for a child of this process that has not ended.</summary>
    internal static bool IsChild(int pidfd)
    {
        const int ByPidfd = 3;
        const int ExitedNoHangNoWait = 0x4 | 0x1 | 0x0100_0000;
        byte* info = stackalloc byte[128];
        *(int*)(info + 12) = 0; // si_pid: stays 0 while it runs
        return Call(Nr.WaitId, ByPidfd, pidfd, (nint)info, ExitedNoHangNoWait, 0) >= 0 && *(int*)(info + 12) == 0;
    }

    /// <summary>Makes this process's memory and descriptors out of reach for others without CAP_SYS_PTRACE.</summary>
    internal static void BecomeUndumpable()
    {
        const int PrSetDumpable = 4;
        Prctl(PrSetDumpable, 0);
    }

    /// <summary>Ends the process at once, as the shell would have it: no finalizers, nothing flushed.</summary>
    internal static void ExitNow(int status)
    {
        Call(Nr.ExitGroup, status);
    }
}
