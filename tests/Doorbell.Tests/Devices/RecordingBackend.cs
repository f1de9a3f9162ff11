using Doorbell.Devices;

namespace Doorbell.Tests.Devices;

/// <summary>Counts what reaches a backend, and fails when told to.</summary>
public sealed class RecordingBackend(IBlockBackend inner) : IBlockBackend
{
    public int Writes { get; private set; }

    public int Flushes { get; private set; }

    /// <summary>Ranges that were zeroed or discarded, and whether their room was given back.</summary>
    public List<(ulong Offset, ulong Length, bool Deallocated)> Zeroed { get; } = [];

    /// <summary>What everything answers from now on, and does nothing; Done for what the backend beneath says.</summary>
    public BlockStatus Answer { get; set; }

    public bool IsReadOnly { get; init; }

    public ulong Length => inner.Length;

    public BlockStatus Read(ulong offset, Span<byte> destination) => Answer != BlockStatus.Done ? Answer : inner.Read(offset, destination);

    public BlockStatus Write(ulong offset, ReadOnlySpan<byte> source)
    {
        Writes++;
        return Answer != BlockStatus.Done ? Answer : inner.Write(offset, source);
    }

    public BlockStatus WriteZeroes(ulong offset, ulong length, bool deallocate)
    {
        Zeroed.Add((offset, length, deallocate));
        return Answer != BlockStatus.Done ? Answer : inner.WriteZeroes(offset, length, deallocate);
    }

    public BlockStatus Discard(ulong offset, ulong length)
    {
        Zeroed.Add((offset, length, true));
        return Answer != BlockStatus.Done ? Answer : inner.Discard(offset, length);
    }

    public BlockStatus Flush()
    {
        Flushes++;
        return Answer != BlockStatus.Done ? Answer : inner.Flush();
    }
}
