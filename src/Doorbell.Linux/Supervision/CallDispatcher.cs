using System.Buffers.Binary;
using System.Diagnostics;
using Doorbell.Events;
using Doorbell.Linux.Native;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Seccomp;
using Doorbell.Linux.Tracing;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Views;

namespace Doorbell.Linux.Supervision;

/// <summary>Answers trapped calls: finds out whether they concern an emulated file, and lets the kernel carry out the rest.</summary>
internal sealed class CallDispatcher(SeccompListener listener, FileTable files, NodeTable nodes, ClientCall call, ConfigFileWriter configFiles, IClientHost host, RunAccount account)
{
    // MAX_RW_COUNT: what one call moves at most, whoever is asked (fs/read_write.c).
    private const ulong MostBytes = 0x7fff_f000;

    private const string NoDescriptor = "doorbell has no descriptor left (its hard limit of open files, ulimit -Hn, is reached)";

    private readonly FilterArchitecture _native = FilterArchitecture.Native;

    /// <summary>Answers the listener's current call.</summary>
    internal unsafe void Handle()
    {
        SeccompNotification notification = listener.Current;
        call.Begin((int)notification.Tid);
        account.BeginCall(call);
        ulong* a = notification.Arguments;
        int number = notification.Number;
        CallOutcome outcome;
        if (notification.Architecture != _native.AuditArch || (number & SeccompUapi.X32Bit) != 0)
        {
            outcome = Foreign((int)a[0]);
        }
        else if (number == _native.Pread64)
        {
            outcome = Transfer(CallKind.Read, (int)a[0], a[1], a[2], a[3]);
        }
        else if (number == _native.Pwrite64)
        {
            outcome = Transfer(CallKind.Write, (int)a[0], a[1], a[2], a[3]);
        }
        else if (number == _native.Ioctl)
        {
            outcome = Ioctl((int)a[0], (uint)a[1], a[2]);
        }
        else if (number == _native.OpenAt)
        {
            outcome = Open((int)a[0], a[1], a[2]);
        }
        else if (number == _native.Open)
        {
            outcome = Open(Sys.AtFdCwd, a[0], a[1]);
        }
        else if (number == _native.OpenAt2)
        {
            outcome = Open2((int)a[0], a[1], a[2], a[3]);
        }
        else if (number == _native.RtSigaction)
        {
            outcome = SignalAction(a[1]);
        }
        else if (number == _native.Mmap)
        {
            outcome = Map((int)a[4], (uint)a[3], a[1], a[5]);
        }
        else if (number == _native.Ftruncate)
        {
            outcome = NotRegular((int)a[0], Errno.EINVAL);
        }
        else if (number == _native.Fallocate)
        {
            outcome = NotRegular((int)a[0], Errno.ENODEV);
        }
        else
        {
            bool isWrite = number == _native.Pwritev || number == _native.Pwritev2;
            bool hasFlags = number == _native.Preadv2 || number == _native.Pwritev2;
            outcome = Vector((int)a[0], a[1], a[2], a[3], isWrite, hasFlags ? (uint)a[5] : 0);
        }

        configFiles.Update();
        Answer(outcome);
        account.EndCall();
    }

    private void Answer(in CallOutcome outcome)
    {
        if (outcome.IsPassed)
        {
            listener.Continue();
        }
        else if (outcome.File is null)
        {
            if (outcome.Errno != 0 && !call.IsExplained)
            {
                Explain(outcome.Errno, outcome.Reason);
            }

            listener.Answer(outcome.Value, outcome.Errno);
        }
        else
        {
            int fd = files.Add(outcome.File);
            if (fd < 0)
            {
                outcome.File.Release();
                Explain(-fd, -fd == (int)Errno.EMFILE ? NoDescriptor : "no file could be made for it");
                listener.Answer(0, -fd);
                return;
            }

            // Should this fail (EMFILE in the client, or the client is gone) the only descriptor is closed below, and the release follows.
            int given = listener.AnswerWithFd(fd, outcome.CloseOnExec);
            if (given < 0)
            {
                Explain(-given, "the program got no descriptor for it (its limit of open files, RLIMIT_NOFILE, may be reached)");
                listener.Answer(0, -given);
            }

            Sys.Close(fd);
        }
    }

    /// <summary>What nobody has explained so far is explained by what the errno of this call means in the uAPI. Here, where every answer passes, so that no failure is without a word.</summary>
    private void Explain(int errno, string? reason) => host.Events.Emit(CallMeaning.Explain(call, (Errno)errno, reason));

    private CallOutcome Transfer(CallKind kind, int fd, ulong address, ulong count, ulong offset)
    {
        ClientFile? file = files.Find(call.Tid, fd);
        if (file is null)
        {
            return CallOutcome.Pass;
        }

        call.Concerns(kind, file, count, address, offset);
        if (count > long.MaxValue)
        {
            return TooLong(count);
        }

        count = Math.Min(count, MostBytes);
        return kind == CallKind.Read ? file.Read(call, address, count, offset) : file.Write(call, address, count, offset);
    }

    private CallOutcome Ioctl(int fd, uint request, ulong argument)
    {
        if (request == FilterProgram.KvmSetDeviceAttr)
        {
            return KvmSetDeviceAttribute(argument); // asked of a descriptor of KVM's, which names one of ours
        }

        ClientFile? file = files.Find(call.Tid, fd);
        if (file is null)
        {
            return CallOutcome.Pass;
        }

        // A close before this call must have had its effect by now (T4), a group's being free again, for one.
        files.Drain();
        call.Concerns(CallKind.Ioctl, file, request, argument);
        long began = host.Events.IsEnabled ? Stopwatch.GetTimestamp() : 0;
        CallOutcome outcome = file.Ioctl(call, request, argument);
        if (host.Events.IsEnabled)
        {
            host.Events.Emit(new ClientIoctl(call.Tid, file.Name, file.NameOf(request), argument, Describe(outcome)) { Began = began });
        }

        return outcome;
    }

    /// <summary>KVM learns of VFIO groups for the sake of cache coherency and mediated devices, neither of which an emulated device has.</summary>
    private CallOutcome KvmSetDeviceAttribute(ulong argument)
    {
        // struct kvm_device_attr: flags (4), group (4), attribute (8), address (8).
        const uint GroupVfioFile = 1;
        Span<byte> attribute = stackalloc byte[24];
        Span<byte> descriptor = stackalloc byte[4];
        bool isOurs = call.TryRead(argument, attribute)
            && BinaryPrimitives.ReadUInt32LittleEndian(attribute[4..]) == GroupVfioFile
            && call.TryRead(BinaryPrimitives.ReadUInt64LittleEndian(attribute[16..]), descriptor)
            && call.FileOf(BinaryPrimitives.ReadInt32LittleEndian(descriptor)) is not null;
        return isOurs ? CallOutcome.Of(0) : CallOutcome.Pass;
    }

    private CallOutcome Open(int directory, ulong path, ulong flags)
    {
        if (((int)flags & Sys.O_PATH) != 0)
        {
            return CallOutcome.Pass; // opens nothing, whatever access it names
        }

        bool followLinks = ((int)flags & Sys.O_NOFOLLOW) == 0;
        string? node = nodes.Find(call, directory, path, followLinks, out FileIdentity identity, out Errno failure);
        if (failure != Errno.None)
        {
            files.Drain(); // what was closed before this call gives its descriptor back
            node = nodes.Find(call, directory, path, followLinks, out identity, out failure);
        }

        if (failure != Errno.None)
        {
            call.Opens("a path that may be one of the machine's");
            return CallOutcome.Fail(failure, NoDescriptor);
        }

        if (node is not null && SysfsWrites.Refuses(node) is { } reason)
        {
            call.Opens(node);
            return CallOutcome.Fail(Errno.EROFS, reason);
        }

        if (((int)flags & Sys.O_ACCMODE) == Sys.O_WRONLY)
        {
            return CallOutcome.Pass; // the kernel refuses what is left of ours
        }

        if (node is null)
        {
            // The kernel answers ENXIO for anonymous inodes opened anew through /proc; an emulated file must not be opened as the plain file it is.
            return files.IsOurs(identity) ? Reopen() : CallOutcome.Pass;
        }

        call.Opens(node);
        CallOutcome outcome;
        if (((int)flags & Sys.O_DIRECTORY) != 0)
        {
            const int NotADirectory = 20;
            outcome = CallOutcome.Fail(NotADirectory);
        }
        else if (((int)flags & (Sys.O_CREAT | Sys.O_EXCL)) == (Sys.O_CREAT | Sys.O_EXCL))
        {
            outcome = CallOutcome.Fail(Errno.EEXIST);
        }
        else
        {
            files.Drain();
            Result<ClientFile> opened = host.Open(node);
            outcome = opened.IsOk ? CallOutcome.Open(opened.Value, ((int)flags & Sys.O_CLOEXEC) != 0) : CallOutcome.Fail(opened.Errno, opened.Reason);
        }

        if (host.Events.IsEnabled)
        {
            host.Events.Emit(new ClientOpened(call.Tid, node, Describe(outcome)));
        }

        return outcome;
    }

    private CallOutcome Reopen()
    {
        call.Opens("an emulated file, through /proc");
        return CallOutcome.Fail(Errno.ENXIO, "a container, group or device is no file to be opened a second time; pass its descriptor on with dup(2), fork(2) or SCM_RIGHTS");
    }

    private CallOutcome Open2(int directory, ulong path, ulong how, ulong size)
    {
        // struct open_how begins with the flags; openat2 with other sizes or resolution rules is the kernel's to judge.
        Span<byte> flags = stackalloc byte[8];
        if (size < 24 || !call.TryRead(how, flags))
        {
            return CallOutcome.Pass;
        }

        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(flags);
        return (value & Sys.O_ACCMODE) is Sys.O_RDWR or Sys.O_WRONLY ? Open(directory, path, value) : CallOutcome.Pass;
    }

    /// <summary>
    /// T2: a handler without SA_RESTART could see EINTR from a call that had not been received yet, which no VFIO client expects. So it gets the
    /// flag; except for those signals the filter does not trap (<see cref="FilterProgram"/>).
    /// </summary>
    private CallOutcome SignalAction(ulong action)
    {
        const ulong Restart = 0x1000_0000;
        const ulong Ignore = 1;

        // struct kernel_sigaction: handler (8), flags (8).
        Span<byte> head = stackalloc byte[16];
        if (call.TryRead(action, head) && BinaryPrimitives.ReadUInt64LittleEndian(head) > Ignore)
        {
            ulong flags = BinaryPrimitives.ReadUInt64LittleEndian(head[8..]);
            if ((flags & Restart) == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(head, flags | Restart);
                call.TryWrite(action + 8, head[..8]);
            }
        }

        return CallOutcome.Pass;
    }

    /// <summary>Only memory that is shared with the client is left to the kernel to map (T5); EINVAL for all else, as there.</summary>
    private CallOutcome Map(int fd, uint flags, ulong length, ulong offset)
    {
        const uint Anonymous = 0x20;
        const uint Shared = 1; // MAP_SHARED, and MAP_SHARED_VALIDATE with MAP_PRIVATE's bit
        ClientFile? file = (flags & Anonymous) != 0 ? null : files.Find(call.Tid, fd);
        if (file is null)
        {
            return CallOutcome.Pass;
        }

        call.Concerns(CallKind.Map, file, length, 0, offset);
        if (file.Map(offset, length, (flags & Shared) != 0) is { } outcome)
        {
            return outcome;
        }

        host.Events.Emit(new Refusal
        {
            Operation = "mmap",
            Subject = file.Name,
            Errno = Errno.EINVAL,
            Rule = "T5",
            Reason = "nothing of it can be mapped (VFIO_REGION_INFO_FLAG_MMAP is clear)",
        });
        return CallOutcome.Fail(Errno.EINVAL);
    }

    /// <summary>Calls for regular files only, which ours are to nobody but the kernel: it must not cut off or free the memory that is shared.</summary>
    private CallOutcome NotRegular(int fd, Errno errno) => files.Find(call.Tid, fd) is null ? CallOutcome.Pass : CallOutcome.Fail(errno);

    private CallOutcome Vector(int fd, ulong vectors, ulong count, ulong offset, bool isWrite, uint flags)
    {
        const int MaxVectors = 1024; // UIO_MAXIOV
        ClientFile? file = files.Find(call.Tid, fd);
        if (file is null)
        {
            return CallOutcome.Pass;
        }

        call.Concerns(isWrite ? CallKind.Write : CallKind.Read, file, count, vectors, offset);
        if (flags != 0)
        {
            return CallOutcome.Fail(Errno.EOPNOTSUPP, "flags of preadv2(2) and pwritev2(2) mean nothing to a device");
        }

        if (count > MaxVectors)
        {
            return CallOutcome.Fail(Errno.EINVAL, $"{count} vectors are more than {MaxVectors} (UIO_MAXIOV)");
        }

        Span<byte> vector = stackalloc byte[16];
        long done = 0;
        for (ulong i = 0; i < count; i++)
        {
            if (!call.TryRead(vectors + (16 * i), vector))
            {
                return done > 0 ? CallOutcome.Of(done) : CallOutcome.Fail(Errno.EFAULT);
            }

            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(vector);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(vector[8..]);
            if (length > long.MaxValue)
            {
                return done > 0 ? CallOutcome.Of(done) : TooLong(length);
            }

            length = Math.Min(length, MostBytes - (ulong)done);
            if (length == 0)
            {
                continue; // an empty piece, or there was room for no more
            }

            CallOutcome part = isWrite
                ? file.Write(call, address, length, offset + (ulong)done)
                : file.Read(call, address, length, offset + (ulong)done);
            if (part.Errno != 0)
            {
                return done > 0 ? CallOutcome.Of(done) : part;
            }

            done += part.Value;
            if ((ulong)part.Value < length)
            {
                break;
            }
        }

        return CallOutcome.Of(done);
    }

    private static CallOutcome TooLong(ulong count) => CallOutcome.Fail(Errno.EINVAL, $"0x{count:x} bytes are more than a count can say (SSIZE_MAX)");

    private CallOutcome Foreign(int fd)
    {
        ClientFile? file = files.Find(call.Tid, fd);
        if (file is null)
        {
            return CallOutcome.Pass;
        }

        host.Events.Emit(new Refusal
        {
            Operation = "a system call by a 32-bit or x32 program",
            Subject = file.Name,
            Errno = Errno.ENOSYS,
            Rule = "T1",
            Reason = "only programs of this computer's own 64-bit ABI are served",
            Remedy = "run a 64-bit build of the program",
        });
        return CallOutcome.Fail(Errno.ENOSYS);
    }

    private static string Describe(in CallOutcome outcome) =>
        outcome.File is not null ? outcome.File.Name
        : outcome.Errno != 0 ? ((Errno)outcome.Errno).ToString()
        : outcome.Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
