using Doorbell.Linux.Uapi;

namespace Doorbell.Linux.Supervision;

/// <summary>What stands behind an emulated descriptor: a container, a group, a device. One object an open file, shared by its duplicates (T4).</summary>
internal abstract class ClientFile
{
    /// <summary>For events and sentences: <c>container</c>, <c>group 7</c>, <c>device 0000:01:00.0</c>.</summary>
    internal abstract string Name { get; }

    /// <summary>ioctl(2). What the kernel would not know is ENOTTY.</summary>
    internal abstract CallOutcome Ioctl(ClientCall call, uint request, ulong argument);

    /// <summary>pread(2): writes to the client's memory at <paramref name="address"/>.</summary>
    internal virtual CallOutcome Read(ClientCall call, ulong address, ulong count, ulong offset) => CallOutcome.Fail(Errno.EINVAL);

    /// <summary>pwrite(2): reads the client's memory at <paramref name="address"/>.</summary>
    internal virtual CallOutcome Write(ClientCall call, ulong address, ulong count, ulong offset) => CallOutcome.Fail(Errno.EINVAL);

    /// <summary>The last descriptor and the last mapping are gone (V7).</summary>
    internal abstract void Release();

    /// <summary>The ioctl's name in traces.</summary>
    internal virtual string NameOf(uint request) => VfioIoctl.NameOf(request);
}
