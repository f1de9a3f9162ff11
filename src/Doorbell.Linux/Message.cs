using System.Text;
using Doorbell.Linux.Native;

namespace Doorbell.Linux;

/// <summary>Sentences for the person at the terminal, on standard error.</summary>
internal static class Message
{
    /// <summary>One line, <c>doorbell: </c> before it. Written at once: the client shares the terminal.</summary>
    internal static void Print(string sentence) => Sys.Write(2, Encoding.UTF8.GetBytes($"doorbell: {sentence}\n"));

    /// <summary>Text of the client's as it may stand in a sentence: without the control characters by which it would rule a terminal or forge a line.</summary>
    internal static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(static one => char.IsControl(one) ? '\uFFFD' : one)) : text;
}
