namespace Doorbell;

/// <summary>Whoever decides in which order racing operations go on: a test.</summary>
internal interface ILockSchedule
{
    /// <summary>The thread is about to take the lock; returns when it can have it.</summary>
    void Entering(EngineLock wanted);

    /// <summary>The thread has given the lock back.</summary>
    void Exited(EngineLock released);

    /// <summary>The thread is between two steps that others may come between without a lock.</summary>
    void At(string point);
}
