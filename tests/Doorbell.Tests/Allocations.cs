namespace Doorbell.Tests;

/// <summary>Holds that something allocates nothing on its thread.</summary>
internal static class Allocations
{
    private const int Attempts = 5;

    /// <summary>Does it until once nothing was allocated, and says how often that was.</summary>
    /// <remarks>
    /// A collection started by another test moves the thread's figure by what was left of its allocation context, so one
    /// figure above zero proves nothing; something that allocates is above zero every time.
    /// </remarks>
    public static int None(Action action)
    {
        long allocated = 0;
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated == 0)
            {
                return attempt;
            }
        }

        Assert.Fail($"{allocated} bytes were allocated, and some each of {Attempts} times");
        return 0;
    }
}
