using System.Runtime.InteropServices;
using Doorbell.Linux.Uapi;

namespace Doorbell.Linux.Seccomp;

/// <summary>The system calls of one ABI that the filter knows, by number.</summary>
internal sealed record FilterArchitecture
{
    internal required uint AuditArch { get; init; }

    internal required int Ioctl { get; init; }

    internal required int Pread64 { get; init; }

    internal required int Pwrite64 { get; init; }

    internal required int Preadv { get; init; }

    internal required int Pwritev { get; init; }

    internal required int Preadv2 { get; init; }

    internal required int Pwritev2 { get; init; }

    internal required int OpenAt { get; init; }

    /// <summary>open(2), which arm64 does not have.</summary>
    internal int? Open { get; init; }

    internal int OpenAt2 { get; init; } = 437;

    internal required int RtSigaction { get; init; }

    internal required int Mmap { get; init; }

    internal required int Ftruncate { get; init; }

    internal required int Fallocate { get; init; }

    internal static FilterArchitecture X64 { get; } = new()
    {
        AuditArch = SeccompUapi.AuditArchX64,
        Ioctl = 16,
        Pread64 = 17,
        Pwrite64 = 18,
        Preadv = 295,
        Pwritev = 296,
        Preadv2 = 327,
        Pwritev2 = 328,
        OpenAt = 257,
        Open = 2,
        RtSigaction = 13,
        Mmap = 9,
        Ftruncate = 77,
        Fallocate = 285,
    };

    internal static FilterArchitecture Arm64 { get; } = new()
    {
        AuditArch = SeccompUapi.AuditArchArm64,
        Ioctl = 29,
        Pread64 = 67,
        Pwrite64 = 68,
        Preadv = 69,
        Pwritev = 70,
        Preadv2 = 286,
        Pwritev2 = 287,
        OpenAt = 56,
        RtSigaction = 134,
        Mmap = 222,
        Ftruncate = 46,
        Fallocate = 47,
    };

    /// <summary>The one this process runs on.</summary>
    internal static FilterArchitecture Native { get; } =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? Arm64 : X64;
}
