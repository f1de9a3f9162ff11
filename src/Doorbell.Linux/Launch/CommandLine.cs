using System.Text;

namespace Doorbell.Linux.Launch;

/// <summary>The program and its arguments as bytes: .NET's strings hold no name that is not UTF-8.</summary>
internal static class CommandLine
{
    /// <summary>What this process was started with after <c>--</c>.</summary>
    internal static IReadOnlyList<byte[]> Program(IReadOnlyList<string> command) => Program(command, File.ReadAllBytes("/proc/self/cmdline"));

    /// <summary>The strings after the first <c>--</c>, where they are <paramref name="command"/>; else its own in UTF-8.</summary>
    /// <param name="command">The program and its arguments as .NET has them.</param>
    /// <param name="own">In the form of /proc/PID/cmdline: a NUL after each.</param>
    internal static IReadOnlyList<byte[]> Program(IReadOnlyList<string> command, ReadOnlySpan<byte> own)
    {
        List<byte[]>? program = null;
        for (int length; (length = own.IndexOf((byte)0)) >= 0; own = own[(length + 1)..])
        {
            if (program is not null)
            {
                program.Add(own[..length].ToArray());
            }
            else if (own[..length].SequenceEqual("--"u8))
            {
                program = [];
            }
        }

        return program is not null && program.Count == command.Count && program.Zip(command).All(static pair => IsSame(pair.First, pair.Second))
            ? program
            : [.. command.Select(Encoding.UTF8.GetBytes)];
    }

    private static bool IsSame(byte[] bytes, string text) =>
        !System.Text.Unicode.Utf8.IsValid(bytes) || Encoding.UTF8.GetString(bytes) == text;
}
