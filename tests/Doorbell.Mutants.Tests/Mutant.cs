namespace Doorbell.Mutants;

/// <summary>A mistake that can be made in the library, and the tests that must notice.</summary>
/// <param name="Name">One word for it, as in docs/mutants.md.</param>
/// <param name="Rule">The rule it breaks.</param>
/// <param name="Mistake">What it does wrong, and whose mistake it was.</param>
/// <param name="Edits">How to make it.</param>
/// <param name="KilledBy">Tests, <c>Class.Method</c>; each passes on the library and fails on the mutant.</param>
internal sealed record Mutant(string Name, string Rule, string Mistake, Edit[] Edits, string[] KilledBy)
{
    public override string ToString() => Name;
}
