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

    /// <summary>
    /// Parts of the file that clients may map, at offsets of the file: those have memory behind them, the same for every file of one
    /// <see cref="Identity"/>. Where there are any, the file's inode is shared too, and its release comes with that of the others.
    /// </summary>
    internal virtual IReadOnlyList<FileRange> MappableRanges => [];

    /// <summary>Whose memory it is.</summary>
    internal virtual object Identity => this;

    /// <summary>The file has its memory, before the client has the file. Not called where nothing is mappable.</summary>
    internal virtual void Attach(FileMemory memory)
    {
    }

    /// <summary>mmap(2): passed where the kernel may map the memory that is there; null where there is nothing that could be mapped.</summary>
    /// <param name="offset">Of the file, bytes.</param>
    /// <param name="length">Bytes as the client says them.</param>
    /// <param name="isShared">MAP_SHARED.</param>
    internal virtual CallOutcome? Map(ulong offset, ulong length, bool isShared) => null;

    /// <summary>The last descriptor and the last mapping are gone (V7).</summary>
    internal abstract void Release();

    /// <summary>The ioctl's name in traces.</summary>
    internal virtual string NameOf(uint request) => VfioIoctl.NameOf(request);
}
