namespace Doorbell.Checks.Guests;

/// <summary>A change of a guest's layout after which it has no fatal collision.</summary>
/// <param name="Guest">The guest then.</param>
/// <param name="RamLost">Bytes of RAM it has less; 0 where an option does it.</param>
/// <param name="Options">Options that changed, with their values then.</param>
/// <param name="Sentence">What to write.</param>
public sealed record GuestChange(Guest Guest, ulong RamLost, IReadOnlyList<(GuestOption Option, ulong Value)> Options, string Sentence);
