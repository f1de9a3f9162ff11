using System.Runtime.InteropServices;

namespace Doorbell.Linux.Native;

/// <summary>posix_spawnp(3): fork and exec without a moment in which managed code runs in the child.</summary>
internal static unsafe partial class Spawn
{
    // Bigger than posix_spawnattr_t (336 bytes), posix_spawn_file_actions_t (80) and sigset_t (128) of glibc and of musl.
    private const int AttributesSize = 512;
    private const int ActionsSize = 256;
    private const int SignalSetSize = 128;

    private const short SetSignalDefault = 0x04;
    private const short SetSignalMask = 0x08;

    /// <summary>Starts a program found along PATH.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">Its environment, in the form of /proc/PID/environ.</param>
    /// <param name="signals">Dispositions and mask to start it with.</param>
    /// <param name="inheritedFd">A close-on-exec descriptor the child is to have all the same; -1 for none.</param>
    /// <returns>The pid, or a negative errno.</returns>
    internal static int Start(IReadOnlyList<byte[]> command, ReadOnlySpan<byte> environment, SignalState signals, int inheritedFd = -1)
    {
        using NativeStrings arguments = NativeStrings.From(command);
        using NativeStrings variables = NativeStrings.FromBlock(environment);
        byte* attributes = stackalloc byte[AttributesSize];
        byte* actions = stackalloc byte[ActionsSize];
        ulong* set = stackalloc ulong[SignalSetSize / sizeof(ulong)];
        new Span<byte>(set, SignalSetSize).Clear();

        // None of these can fail with valid arguments; what they report is reported all the same.
        int error = posix_spawnattr_init(attributes);
        error |= posix_spawnattr_setflags(attributes, SetSignalDefault | SetSignalMask);
        set[0] = SignalState.ResetInChild;
        error |= posix_spawnattr_setsigdefault(attributes, set);
        set[0] = signals.Blocked;
        error |= posix_spawnattr_setsigmask(attributes, set);
        error |= posix_spawn_file_actions_init(actions);
        if (inheritedFd >= 0)
        {
            error |= posix_spawn_file_actions_adddup2(actions, inheritedFd, inheritedFd); // the same number: only takes close-on-exec away
        }

        int pid = 0;
        if (error == 0)
        {
            error = posix_spawnp(&pid, arguments.Pointer[0], actions, attributes, arguments.Pointer, variables.Pointer);
        }

        _ = posix_spawn_file_actions_destroy(actions);
        _ = posix_spawnattr_destroy(attributes);
        return error == 0 ? pid : -error;
    }

#pragma warning disable IDE1006 // the C library's own names
    [LibraryImport("libc")]
    private static partial int posix_spawnp(int* pid, byte* file, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, ulong* set);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, ulong* set);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);
#pragma warning restore IDE1006
}
