using System.Runtime.InteropServices;

namespace Doorbell.Linux.Uapi;

/// <summary>struct seccomp_notif_addfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SeccompAddFd
{
    internal ulong Id;

    internal uint Flags;

    internal uint SourceFd;

    internal uint NewFd;

    internal uint NewFdFlags;
}
