namespace Doorbell.Tests.Races;

/// <summary>Tries the schedules of a race depth first, each in a fresh world, until none is left.</summary>
/// <remarks>
/// A schedule is the letter of the operation that goes on at each point: <c>AAABBA</c>. DOORBELL_SCHEDULE=AAABBA runs that one alone
/// (with a filter for the test it was printed by).
/// </remarks>
internal static class Explorer
{
    /// <summary>Runs every schedule.</summary>
    /// <param name="newRace">A fresh world.</param>
    /// <param name="preemptions">Most times the turn may be taken from an operation that could go on; null: any number.</param>
    /// <exception cref="ScheduleFailedException">Something did not hold, or every operation waits for a lock.</exception>
    public static Exploration Run(Func<Race> newRace, int? preemptions = null)
    {
        if (Environment.GetEnvironmentVariable("DOORBELL_SCHEDULE") is { Length: > 0 } asked)
        {
            using var replay = new Schedule([.. asked.Select(letter => letter - 'A')]);
            replay.Run(newRace());
            return new Exploration(1, replay.Decisions.Count, preemptions);
        }

        int schedules = 0;
        int points = 0;
        using var schedule = new Schedule([]);
        while (true)
        {
            schedule.Run(newRace());
            schedules++;
            points = Math.Max(points, schedule.Decisions.Count);
            if (Next(schedule.Decisions, preemptions ?? int.MaxValue) is not { } prefix)
            {
                return new Exploration(schedules, points, preemptions);
            }

            schedule.Prefix = prefix;
        }
    }

    // The last point at which another choice is left, and that choice.
    private static int[]? Next(List<Decision> decisions, int bound)
    {
        for (int at = decisions.Count - 1; at >= 0; at--)
        {
            if (decisions[at].NextAlternative(bound) is { } other)
            {
                int[] prefix = [.. decisions.Take(at + 1).Select(decision => decision.Chosen)];
                prefix[at] = other;
                return prefix;
            }
        }

        return null;
    }
}
