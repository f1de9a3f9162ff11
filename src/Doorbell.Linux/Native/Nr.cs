using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>System call numbers of the architecture this process runs on (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).</summary>
internal static class Nr
{
    internal static readonly int Read = Pick(0, 63);
    internal static readonly int Write = Pick(1, 64);
    internal static readonly int Close = Pick(3, 57);
    internal static readonly int LSeek = Pick(8, 62);
    internal static readonly int MMap = Pick(9, 222);
    internal static readonly int MUnmap = Pick(11, 215);
    internal static readonly int RtSigaction = Pick(13, 134);
    internal static readonly int Ioctl = Pick(16, 29);
    internal static readonly int PRead64 = Pick(17, 67);
    internal static readonly int PWrite64 = Pick(18, 68);
    internal static readonly int NanoSleep = Pick(35, 101);
    internal static readonly int SendMsg = Pick(46, 211);
    internal static readonly int RecvMsg = Pick(47, 212);
    internal static readonly int SocketPair = Pick(53, 199);
    internal static readonly int Wait4 = Pick(61, 260);
    internal static readonly int Kill = Pick(62, 129);
    internal static readonly int Fcntl = Pick(72, 25);
    internal static readonly int Fsync = Pick(74, 82);
    internal static readonly int FTruncate = Pick(77, 46);
    internal static readonly int Chdir = Pick(80, 49);
    internal static readonly int Umask = Pick(95, 166);
    internal static readonly int Capset = Pick(126, 91);
    internal static readonly int Prctl = Pick(157, 167);
    internal static readonly int Mount = Pick(165, 40);
    internal static readonly int GetDents64 = Pick(217, 61);
    internal static readonly int IoSetup = Pick(206, 0);
    internal static readonly int IoGetEvents = Pick(208, 4);
    internal static readonly int IoSubmit = Pick(209, 2);
    internal static readonly int ExitGroup = Pick(231, 94);
    internal static readonly int WaitId = Pick(247, 95);
    internal static readonly int EpollCtl = Pick(233, 21);
    internal static readonly int InotifyAddWatch = Pick(254, 27);
    internal static readonly int InotifyRmWatch = Pick(255, 28);
    internal static readonly int OpenAt = Pick(257, 56);
    internal static readonly int MkdirAt = Pick(258, 34);
    internal static readonly int MknodAt = Pick(259, 33);
    internal static readonly int UnlinkAt = Pick(263, 35);
    internal static readonly int SymlinkAt = Pick(266, 36);
    internal static readonly int ReadLinkAt = Pick(267, 78);
    internal static readonly int FChmodAt = Pick(268, 53);
    internal static readonly int Ppoll = Pick(271, 73);
    internal static readonly int Unshare = Pick(272, 97);
    internal static readonly int EpollPwait = Pick(281, 22);
    internal static readonly int Fallocate = Pick(285, 47);
    internal static readonly int EventFd2 = Pick(290, 19);
    internal static readonly int EpollCreate1 = Pick(291, 20);
    internal static readonly int InotifyInit1 = Pick(294, 26);
    internal static readonly int Prlimit64 = Pick(302, 261);
    internal static readonly int ProcessVmReadv = Pick(310, 270);
    internal static readonly int ProcessVmWritev = Pick(311, 271);
    internal static readonly int Seccomp = Pick(317, 277);
    internal static readonly int Preadv2 = Pick(327, 286);
    internal static readonly int Statx = Pick(332, 291);

    // The same number everywhere since 5.1.
    internal const int PidfdSendSignal = 424;
    internal const int OpenTree = 428;
    internal const int MoveMount = 429;
    internal const int FsOpen = 430;
    internal const int FsConfig = 431;
    internal const int FsMount = 432;
    internal const int PidfdOpen = 434;
    internal const int OpenAt2 = 437;
    internal const int PidfdGetFd = 438;
    internal const int MountSetAttr = 442;

    private static int Pick(int x64, int arm64) => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => x64,
        Architecture.Arm64 => arm64,
        _ => throw new PlatformNotSupportedException($"Doorbell's transport knows x86-64 and arm64, not {RuntimeInformation.ProcessArchitecture}"),
    };
}
