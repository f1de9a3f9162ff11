namespace Doorbell.Mutants;

/// <summary>One place of the library's source, changed.</summary>
/// <param name="Type">Path of the type under src/Doorbell, without .cs; its parts (Type.Part.cs) count.</param>
/// <param name="Original">What is written in one of them, exactly and once; line breaks and indentation as they are.</param>
/// <param name="Replacement">What the mutant says there.</param>
internal sealed record Edit(string Type, string Original, string Replacement);
