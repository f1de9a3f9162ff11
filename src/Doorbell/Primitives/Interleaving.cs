namespace Doorbell;

/// <summary>Where threads can come between one another, for tests that try every order.</summary>
internal static class Interleaving
{
    // Looked at first, so that production never pays for the thread's own.
    private static bool s_isControlled;

    [ThreadStatic]
    private static ILockSchedule? t_schedule;

    /// <summary>The calling thread's schedule; null everywhere but in such a test.</summary>
    public static ILockSchedule? Schedule => Volatile.Read(ref s_isControlled) ? t_schedule : null;

    /// <summary>A step between two others that no lock holds together.</summary>
    public static void Point(string name) => Schedule?.At(name);

    /// <summary>Puts the calling thread under a schedule, or with null back to itself.</summary>
    public static void Control(ILockSchedule? schedule)
    {
        t_schedule = schedule;
        if (schedule is not null)
        {
            Volatile.Write(ref s_isControlled, true);
        }
    }
}
