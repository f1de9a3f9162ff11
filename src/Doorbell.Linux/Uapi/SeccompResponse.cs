using System.Runtime.InteropServices;

namespace Doorbell.Linux.Uapi;

/// <summary>struct seccomp_notif_resp.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SeccompResponse
{
    internal ulong Id;

    internal long Value;

    /// <summary>A negative errno, or 0.</summary>
    internal int Error;

    internal uint Flags;
}
