using System.Numerics;

namespace Doorbell.Tests.Races;

/// <summary>One point of a schedule: who could have gone on, and who did.</summary>
/// <param name="Enabled">A bit an operation that could go on.</param>
/// <param name="Current">The operation that was at the point; -1 where it has ended, or at the start.</param>
/// <param name="Chosen">The operation that went on.</param>
/// <param name="Preemptions">Preemptions before this point.</param>
/// <param name="Where">What the operation at the point was about to do, or had done.</param>
internal readonly record struct Decision(uint Enabled, int Current, int Chosen, int Preemptions, string Where)
{
    public bool CurrentCouldGoOn => Current >= 0 && (Enabled >> Current & 1) != 0;

    /// <summary>Choices are tried in the order: the current operation, then the others from the first; the one after <see cref="Chosen"/>, or null.</summary>
    public int? NextAlternative(int bound)
    {
        if (CurrentCouldGoOn && Preemptions >= bound)
        {
            return null;
        }

        uint left = Enabled;
        if (CurrentCouldGoOn)
        {
            left &= ~(1u << Current);
        }

        if (!CurrentCouldGoOn || Chosen != Current)
        {
            left &= ~0u << Chosen << 1;
        }

        return left == 0 ? null : BitOperations.TrailingZeroCount(left);
    }

    public static int First(uint enabled, int current) =>
        current >= 0 && (enabled >> current & 1) != 0 ? current : BitOperations.TrailingZeroCount(enabled);
}
