using Doorbell.Linux.Supervision;

namespace Doorbell.Tests.Linux;

/// <summary>An emulated file that counts.</summary>
internal sealed class TestFile(string name) : ClientFile
{
    public int Releases { get; private set; }

    internal override string Name => name;

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => CallOutcome.Fail(Errno.ENOTTY);

    internal override void Release() => Releases++;
}
