using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>What a client named where an eventfd belongs: no descriptor at all (EBADF), or another file's (EINVAL).</summary>
internal sealed class DefectiveEventFd(Errno defect) : IEventTrigger
{
    public Errno Defect { get; } = defect;

    public void Signal() => throw new InvalidOperationException("a defective trigger is never armed");

    public void Release()
    {
        // Nothing is held.
    }
}
