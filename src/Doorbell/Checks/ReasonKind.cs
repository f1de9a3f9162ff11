namespace Doorbell.Checks;

/// <summary>A kind of reason: what every reason with its id has in common.</summary>
/// <param name="Id">Stable, for programs: <c>msi-not-isolated</c>.</param>
/// <param name="Rule">The rule behind it: <c>V3</c> (docs/rules.md).</param>
/// <param name="Severity">What it does to the verdict.</param>
/// <param name="Title">A few words.</param>
/// <param name="Help">What it means and what the kernel does, a sentence or two.</param>
public sealed record ReasonKind(string Id, string Rule, CheckSeverity Severity, string Title, string Help);
