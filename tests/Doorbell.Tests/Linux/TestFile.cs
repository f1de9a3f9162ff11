using Doorbell.Linux.Supervision;

namespace Doorbell.Tests.Linux;

/// <summary>An emulated file that counts; with an identity, one that shares a page with the others of it.</summary>
internal sealed class TestFile(string name, object? identity = null) : ClientFile
{
    public int Releases { get; private set; }

    internal override string Name => name;

    internal override IReadOnlyList<FileRange> MappableRanges { get; } = identity is null ? [] : [new FileRange(0, 4096)];

    internal override object Identity => identity ?? this;

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => CallOutcome.Fail(Errno.ENOTTY);

    internal override void Release() => Releases++;
}
