namespace Doorbell.Linux.Supervision;

/// <summary>A descriptor of a client that may not be looked at (T11): it may be an emulated file, where the kernel would find an empty one.</summary>
internal sealed class UnreachableFile : ClientFile
{
    internal override string Name => "a descriptor out of reach";

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => Refuse(call);

    internal override CallOutcome Read(ClientCall call, ulong address, ulong count, ulong offset) => Refuse(call);

    internal override CallOutcome Write(ClientCall call, ulong address, ulong count, ulong offset) => Refuse(call);

    internal override void Release()
    {
        // Nothing is held.
    }

    private static CallOutcome Refuse(ClientCall call)
    {
        call.SayUndumpable();
        return CallOutcome.Fail(Errno.EPERM);
    }
}
