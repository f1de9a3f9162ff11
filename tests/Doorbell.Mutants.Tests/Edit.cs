namespace Doorbell.Mutants;

/// <summary>One place of the library's source, changed.</summary>
/// <param name="File">Under src/Doorbell.</param>
/// <param name="Original">What is written there, exactly and once; line breaks and indentation as they are.</param>
/// <param name="Replacement">What the mutant says there.</param>
internal sealed record Edit(string File, string Original, string Replacement);
