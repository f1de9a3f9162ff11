using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>How struct epoll_event lies in memory (linux/eventpoll.h): its data follows its events at once on x86-64, aligned elsewhere.</summary>
internal static class EpollEvent
{
    internal static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    internal static readonly int Size = DataOffset + sizeof(ulong);
}
