using System.Numerics;

namespace Doorbell.Iommu;

/// <summary>Free granules at the start and the end of a stretch, and the longest free run in it; each counted up to <see cref="Most"/>.</summary>
/// <remarks>What is longer counts as that long, so that taking one granule of a huge free run changes nothing above a few levels.</remarks>
internal readonly record struct FreeRuns(int AtStart, int AtEnd, int Longest)
{
    public const int Most = 1024;
    private const int WordBits = 64;

    public static FreeRuns Of(ulong word)
    {
        int longest = 0;
        ulong free = ~word;
        while (free != 0)
        {
            free >>= BitOperations.TrailingZeroCount(free);
            int run = BitOperations.TrailingZeroCount(~free);
            longest = Math.Max(longest, run);
            free = run == WordBits ? 0 : free >> run;
        }

        return new FreeRuns(BitOperations.TrailingZeroCount(word), BitOperations.LeadingZeroCount(word), longest);
    }

    /// <summary>Two stretches of that width side by side.</summary>
    public static FreeRuns Join(FreeRuns left, FreeRuns right, int width) => new(
        Math.Min(Most, left.AtStart == width ? width + right.AtStart : left.AtStart),
        Math.Min(Most, right.AtEnd == width ? width + left.AtEnd : right.AtEnd),
        Math.Min(Most, Math.Max(Math.Max(left.Longest, right.Longest), left.AtEnd + right.AtStart)));
}
