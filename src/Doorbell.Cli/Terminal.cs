using System.Text;
using Doorbell.Linux;

namespace Doorbell.Cli;

/// <summary>
/// Standard output and error as plain streams of bytes. .NET's own writers put the terminal into a state of theirs first (keypad mode, its
/// settings), and nothing takes that back; the terminal is the user's, and below <c>run</c> the program's.
/// </summary>
internal static class Terminal
{
    /// <summary>Puts them in the place of <see cref="Console.Out"/> and <see cref="Console.Error"/>.</summary>
    public static void LeaveAlone()
    {
        Console.SetOut(Writer(new DescriptorStream(1)));
        Console.SetError(Writer(new DescriptorStream(2)));
    }

    private static StreamWriter Writer(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
}
