namespace Doorbell.Mutants;

/// <summary>The mistakes, as data. docs/mutants.md is the list for people.</summary>
internal static partial class KnownMistakes
{
    public static IReadOnlyList<Mutant> All { get; } = [.. Series, .. Mainline, .. Neighbours];
}
