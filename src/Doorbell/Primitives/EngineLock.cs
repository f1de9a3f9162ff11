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
        ILockSchedule? schedule = Interleaving.Schedule;
        schedule?.Entering(this);
        _lock.Enter();
        return new Scope(this, schedule);
    }

    /// <inheritdoc/>
    public override string ToString() => name;

    /// <summary>The time it is held.</summary>
    public readonly ref struct Scope(EngineLock held, ILockSchedule? schedule)
    {
        /// <summary>Gives it back.</summary>
        public void Dispose()
        {
            held._lock.Exit();
            schedule?.Exited(held);
        }
    }
}
