namespace Doorbell.Cli.Compare;

/// <summary>A field that differs.</summary>
/// <param name="Field">Its name.</param>
/// <param name="Captured">Linux's answer, as JSON.</param>
/// <param name="Ours">The other host's.</param>
internal readonly record struct FieldDifference(string Field, string Captured, string Ours)
{
    private const int Longest = 400;

    /// <summary>Both sides in a few words; of two long runs of bytes only where they differ.</summary>
    public override string ToString()
    {
        string captured = Captured.Trim('"'), ours = Ours.Trim('"');
        return Field != "bytes" || captured.Length != ours.Length
            ? $"Linux {Shorten(Captured)}, here {Shorten(Ours)}"
            : string.Join(", ", Enumerable.Range(0, captured.Length / 2)
                .Where(at => !captured.AsSpan(2 * at, 2).SequenceEqual(ours.AsSpan(2 * at, 2)))
                .Select(at => $"at 0x{at:x} Linux {captured.AsSpan(2 * at, 2)}, here {ours.AsSpan(2 * at, 2)}"));
    }

    private static string Shorten(string text) => text.Length <= Longest ? text : text[..Longest] + "...";
}
