using System.Runtime.InteropServices;

namespace Doorbell.Linux.Uapi;

/// <summary>struct seccomp_notif with its struct seccomp_data: one trapped system call.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SeccompNotification
{
    /// <summary>The cookie answers carry.</summary>
    internal ulong Id;

    /// <summary>The calling thread: a TID, not a TGID (T8).</summary>
    internal uint Tid;

    internal uint Flags;

    internal int Number;

    internal uint Architecture;

    internal ulong InstructionPointer;

    internal fixed ulong Arguments[6];
}
