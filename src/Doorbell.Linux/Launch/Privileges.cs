using System.Globalization;
using System.Runtime.CompilerServices;
using Doorbell.Linux.Native;

namespace Doorbell.Linux.Launch;

/// <summary>Capabilities: who has them, and how the client does not.</summary>
internal static unsafe class Privileges
{
    private const int CapSysAdmin = 21;
    private const int NoFile = 7; // RLIMIT_NOFILE
    private const int PrCapAmbient = 47;
    private const int PrCapAmbientClearAll = 4;

    /// <summary>True when this process can mount without a user namespace of its own.</summary>
    internal static bool HaveSysAdmin()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("CapEff:", StringComparison.Ordinal))
            {
                ulong effective = ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                return (effective & (1ul << CapSysAdmin)) != 0;
            }
        }

        return false;
    }

    /// <summary>Gives up every capability of the calling thread; with no_new_privs its children cannot regain them.</summary>
    internal static Result DropAll()
    {
        const uint Version3 = 0x2008_0522;
        uint* header = stackalloc uint[2] { Version3, 0 };
        uint* data = stackalloc uint[6];
        new Span<uint>(data, 6).Clear();
        int failed = Sys.Prctl(PrCapAmbient, PrCapAmbientClearAll);
        if (failed >= 0)
        {
            failed = (int)Sys.Call(Nr.Capset, (nint)header, (nint)data);
        }

        return failed >= 0 ? Result.Ok : Result.Fail((Errno)(-failed), $"giving up capabilities failed with {(Errno)(-failed)}");
    }

    /// <summary>Raises this process's soft limit of open files to its hard one: it holds a descriptor for each file of every client, and more.</summary>
    /// <returns>The soft limit before.</returns>
    internal static ulong RaiseFileLimit()
    {
        ulong* limit = stackalloc ulong[2];
        if (Sys.Call(Nr.Prlimit64, 0, NoFile, 0, (nint)limit) < 0)
        {
            return 0;
        }

        ulong soft = limit[0];
        limit[0] = limit[1];
        Sys.Call(Nr.Prlimit64, 0, NoFile, (nint)limit, 0);
        return soft;
    }

    /// <summary>Sets the soft limit of open files back to what the user's shell had; the supervisor's is raised, and .NET raises its own at start.</summary>
    internal static void SetFileLimit(ulong soft)
    {
        ulong* limit = stackalloc ulong[2];
        if (soft != 0 && Sys.Call(Nr.Prlimit64, 0, NoFile, 0, (nint)limit) == 0 && soft < limit[0])
        {
            limit[0] = soft;
            Sys.Call(Nr.Prlimit64, 0, NoFile, (nint)limit, 0);
        }
    }

    /// <summary>
    /// The soft limit of open files this process was started with, as far as that can be told: its parent's, where the runtime has raised its
    /// own; 0 when that cannot be read, has none, or the runtime leaves it alone.
    /// </summary>
    internal static ulong FileLimitAtStart()
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            return 0; // a native program's runtime leaves the limit alone
        }

        try
        {
            string stat = File.ReadAllText("/proc/self/stat");
            string parent = stat[(stat.LastIndexOf(')') + 4)..].Split(' ', 2)[0];
            foreach (string line in File.ReadLines($"/proc/{parent}/limits"))
            {
                if (line.StartsWith("Max open files", StringComparison.Ordinal))
                {
                    string soft = line["Max open files".Length..].Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[0];
                    return ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : 0;
                }
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // The parent is gone or not ours to read: the client gets the limit this process has.
        }

        return 0;
    }
}
