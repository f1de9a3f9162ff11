using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>Whether something looks at who writes a function's MSIs.</summary>
/// <param name="IsIsolated">Null where not known.</param>
/// <param name="Because">Why, a clause.</param>
/// <param name="Evidence">Where it was read.</param>
/// <param name="Kind">The kind of reason it is where it is not isolated, or not known.</param>
/// <param name="Remedy">What to do about that.</param>
internal sealed record IsolationAnswer(bool? IsIsolated, string Because, IReadOnlyList<Evidence> Evidence, ReasonKind Kind, string Remedy);
