using Doorbell.Events;

namespace Doorbell.Linux.Supervision;

/// <summary>A descriptor that leads to the inode of an emulated file which was released already: every call fails, as on a closed descriptor.</summary>
internal sealed class LostFile(EventStream events) : ClientFile
{
    internal override string Name => "a released file";

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => Refuse(NameOf(request));

    internal override CallOutcome Read(ClientCall call, ulong address, ulong count, ulong offset) => Refuse("pread");

    internal override CallOutcome Write(ClientCall call, ulong address, ulong count, ulong offset) => Refuse("pwrite");

    internal override void Release()
    {
        // It has been.
    }

    private CallOutcome Refuse(string operation)
    {
        events.Emit(new Refusal
        {
            Operation = operation,
            Subject = Name,
            Errno = Errno.EBADF,
            Rule = "T4",
            Reason = "the container, group or device was released with the last descriptor it was opened by; this one was opened anew through /proc",
            Remedy = "pass descriptors on with dup(2), fork(2) or SCM_RIGHTS",
        });
        return CallOutcome.Fail(Errno.EBADF);
    }
}
