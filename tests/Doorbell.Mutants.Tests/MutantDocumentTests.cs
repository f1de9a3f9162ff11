namespace Doorbell.Mutants;

/// <summary>docs/mutants.md says which mistakes there are and what kills them.</summary>
public class MutantDocumentTests
{
    [Fact]
    public void The_document_lists_every_mutant_with_its_rule_and_killers()
    {
        string[] rows = [.. File.ReadAllLines(Path.Combine(LibrarySource.Root, "docs", "mutants.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Assert.Equal(
            KnownMistakes.All.Select(mutant => $"| `{mutant.Name}` | {mutant.Rule} | {mutant.Mistake} | {string.Join(", ", mutant.KilledBy.Select(test => $"`{test}`"))} |"),
            rows);
    }
}
