namespace Doorbell.Linux.Uapi;

/// <summary>linux/seccomp.h and linux/audit.h: what the supervisor needs of them.</summary>
internal static class SeccompUapi
{
    // seccomp(2) operations.
    internal const int SetModeFilter = 1;
    internal const int GetNotifSizes = 3;

    // Flags of SetModeFilter.
    internal const int FlagNewListener = 1 << 3;

    /// <summary>Linux 5.19: once the supervisor has the call only a fatal signal interrupts the caller (T2).</summary>
    internal const int FlagWaitKillableRecv = 1 << 5;

    internal const uint RetAllow = 0x7fff_0000;
    internal const uint RetUserNotif = 0x7fc0_0000;

    // The listener's ioctls.
    internal const uint NotifRecv = 0xc050_2100;
    internal const uint NotifSend = 0xc018_2101;
    internal const uint NotifIdValid = 0x4008_2102;
    internal const uint NotifAddFd = 0x4018_2103;
    internal const uint NotifSetFlags = 0x4008_2104;

    /// <summary>Linux 6.6: the answer wakes the caller on the supervisor's CPU (T3).</summary>
    internal const int FdSyncWakeUp = 1;

    internal const uint RespFlagContinue = 1;
    internal const uint AddFdFlagSend = 2;

    // struct seccomp_data.
    internal const int DataNr = 0;
    internal const int DataArch = 4;

    /// <summary>Offset of the low half of an argument (both architectures are little endian).</summary>
    internal static int DataArgLow(int index) => 16 + (8 * index);

    /// <summary>Offset of the high half of an argument.</summary>
    internal static int DataArgHigh(int index) => DataArgLow(index) + 4;

    internal const uint AuditArchX64 = 0xc000_003e;
    internal const uint AuditArchI386 = 0x4000_0003;
    internal const uint AuditArchArm64 = 0xc000_00b7;
    internal const uint AuditArchArm = 0x4000_0028;

    /// <summary>x32 calls carry the x86-64 architecture and this bit in their number.</summary>
    internal const uint X32Bit = 0x4000_0000;
}
