namespace Doorbell.Bench;

/// <summary>A figure the engine is to reach.</summary>
/// <param name="What">In words.</param>
/// <param name="Limit">The figure.</param>
/// <param name="Unit">What it is counted in.</param>
/// <param name="IsLeast">True where more is better.</param>
/// <param name="Measure">The figure this run has; null where it did not measure it.</param>
internal sealed record Target(string What, double Limit, string Unit, bool IsLeast, Func<Figures, double?> Measure)
{
    /// <summary>A row of the table.</summary>
    public string Row(Figures figures)
    {
        double? measured = Measure(figures);
        string met = measured is not { } value ? "not measured" : (IsLeast ? value >= Limit : value <= Limit) ? "yes" : "no";
        return FormattableString.Invariant($"| {What} | {(IsLeast ? "at least" : "at most")} {Limit:0.##} {Unit} | {measured:0.##} | {met} |");
    }
}
