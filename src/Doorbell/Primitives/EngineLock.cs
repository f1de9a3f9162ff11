namespace Doorbell;

/// <summary>A lock of the control path. In production it is a <see cref="Lock"/> and one check of a flag; a test decides who takes it when (docs/proof.md).</summary>
/// <remarks>May be taken again by the thread that holds it. The data path takes none.</remarks>
/// <param name="name">In printed schedules: <c>page table</c>.</param>
internal sealed class EngineLock(string name)
{
    private readonly Lock _lock = new();

    /// <summary>Takes it until the scope is disposed.</summary>
    public Scope Enter()
    {
        Take();
        return new Scope(this);
    }

    /// <summary>Takes it for longer than a block; <see cref="Give"/> by the same thread ends that.</summary>
    public void Take()
    {
        Interleaving.Schedule?.Entering(this);
        _lock.Enter();
    }

    /// <summary>Gives it back.</summary>
    public void Give()
    {
        _lock.Exit();
        Interleaving.Schedule?.Exited(this);
    }

    /// <inheritdoc/>
    public override string ToString() => name;

    /// <summary>The time it is held.</summary>
    public readonly ref struct Scope(EngineLock held)
    {
        /// <summary>Gives it back.</summary>
        public void Dispose() => held.Give();
    }
}
