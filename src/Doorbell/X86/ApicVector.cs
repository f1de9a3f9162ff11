namespace Doorbell.X86;

/// <summary>Where an interrupt goes: a vector of a CPU, and the one it had before its last move.</summary>
internal sealed class ApicVector(int cpu, byte vector)
{
    /// <summary>Where it goes.</summary>
    public (int Cpu, byte Vector) Current { get; private set; } = (cpu, vector);

    /// <summary>Where it went: still its own, for a write on its way and for the way back of M5; null where it never moved.</summary>
    public (int Cpu, byte Vector)? Previous { get; private set; }

    public void MoveTo((int Cpu, byte Vector) next)
    {
        Previous = Current;
        Current = next;
    }

    public void ForgetPrevious() => Previous = null;
}
