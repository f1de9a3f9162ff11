using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux;

/// <summary>Sentences for the person at the terminal, on standard error.</summary>
internal static class Message
{
    /// <summary>One line, <c>doorbell: </c> before it, as soon as standard error takes it: the client shares it, and may have made it non-blocking.</summary>
    internal static void Print(string sentence)
    {
        const int MilliSeconds = 100;
        ReadOnlySpan<byte> line = Encoding.UTF8.GetBytes($"doorbell: {sentence}\n");
        for (nint written; !line.IsEmpty; line = line[(int)Math.Max(written, 0)..])
        {
            written = Sys.Write(2, line);
            if (written == -(int)Errno.EAGAIN)
            {
                Thread.Sleep(MilliSeconds);
            }
            else if (written < 0 && written != -(int)Errno.EINTR)
            {
                return; // closed, or nobody reads it
            }
        }
    }

    /// <summary>Text of the client's as it may stand in a sentence: without the control characters by which it would rule a terminal or forge a line.</summary>
    internal static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(static one => char.IsControl(one) ? '\uFFFD' : one)) : text;
}
