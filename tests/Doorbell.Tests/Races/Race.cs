namespace Doorbell.Tests.Races;

/// <summary>Operations that go on at the same time in a world of their own, and what must hold about it. One object a schedule.</summary>
internal abstract class Race
{
    /// <summary>What races: a name for the printed schedule, and what it does. Each runs on a thread of its own, one at a time.</summary>
    public abstract IReadOnlyList<(string Name, Action Run)> Operations { get; }

    /// <summary>What holds wherever one operation can come between another's steps. Takes no lock: any may be held.</summary>
    public virtual void AtEveryPoint()
    {
    }

    /// <summary>What holds when all have ended; then everything is given back and the world must be empty.</summary>
    public abstract void AtTheEnd();
}
