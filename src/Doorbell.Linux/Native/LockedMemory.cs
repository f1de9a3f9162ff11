using System.Globalization;

namespace Doorbell.Linux.Native;

/// <summary>RLIMIT_MEMLOCK: how much memory a process may lock, and whether that concerns it.</summary>
internal static unsafe class LockedMemory
{
    private const int Resource = 8; // RLIMIT_MEMLOCK
    private const string LimitName = "Max locked memory";
    private const ulong CapabilityIpcLock = 1UL << 14; // CAP_IPC_LOCK

    /// <summary>This process's own limit, bytes, as it was started with.</summary>
    internal static ulong OwnLimit { get; } = LimitOf(0);

    /// <summary>A process's limit, bytes; the highest number where there is none or it cannot be asked.</summary>
    internal static ulong LimitOf(int pid)
    {
        ulong* limit = stackalloc ulong[2];
        return Sys.Call(Nr.Prlimit64, pid, Resource, 0, (nint)limit) == 0 ? limit[0] : LimitByFile(pid);
    }

    // prlimit(2) is refused where the process has become another user; this file anybody may read.
    private static ulong LimitByFile(int pid)
    {
        try
        {
            foreach (string line in File.ReadLines($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/limits"))
            {
                // Max locked memory         65536                65536                bytes
                if (line.StartsWith(LimitName, StringComparison.Ordinal))
                {
                    ReadOnlySpan<char> soft = line.AsSpan(LimitName.Length).TrimStart();
                    int end = soft.IndexOf(' ');
                    return ulong.TryParse(end < 0 ? soft : soft[..end], NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit) ? limit : ulong.MaxValue;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It has ended; its call fails on its own.
        }

        return ulong.MaxValue;
    }

    /// <summary>True for a task that may lock as much as it likes (CAP_IPC_LOCK); else how much it has locked itself (mlock), bytes.</summary>
    internal static bool IsExempt(int task, out ulong locked)
    {
        locked = 0;
        try
        {
            foreach (string line in File.ReadLines($"/proc/{task.ToString(CultureInfo.InvariantCulture)}/status"))
            {
                // VmLck:       64 kB ... CapEff:  000001ffffffffff
                if (line.StartsWith("VmLck:", StringComparison.Ordinal))
                {
                    locked = ulong.Parse(line.AsSpan(6).Trim(" \tkB"), NumberStyles.None, CultureInfo.InvariantCulture) * 1024;
                }
                else if (line.StartsWith("CapEff:", StringComparison.Ordinal))
                {
                    return (ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) & CapabilityIpcLock) != 0;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It has ended; its call fails on its own.
        }

        return false;
    }
}
