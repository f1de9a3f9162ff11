namespace Doorbell.Tests.Races;

/// <summary>What became of all schedules of a race.</summary>
/// <param name="Schedules">How many were run.</param>
/// <param name="Points">Most points at which a schedule could have gone on with another operation.</param>
/// <param name="Preemptions">Most times a schedule took the turn from an operation that could have gone on; null: any number, so that every order was tried.</param>
internal readonly record struct Exploration(int Schedules, int Points, int? Preemptions)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Schedules} schedules of up to {Points} points, {(Preemptions is { } bound ? $"every one with at most {bound} preemptions" : "every one there is")}";
}
