using Doorbell.Devices;

namespace Doorbell.Tests.Devices;

/// <summary>Counts what reaches a backend, and fails when told to.</summary>
public sealed class RecordingBackend(IBlockBackend inner) : IBlockBackend
{
    public int Writes { get; private set; }

    public int Flushes { get; private set; }

    public bool Fails { get; set; }

    public ulong Length => inner.Length;

    public bool Read(ulong offset, Span<byte> destination) => !Fails && inner.Read(offset, destination);

    public bool Write(ulong offset, ReadOnlySpan<byte> source)
    {
        Writes++;
        return !Fails && inner.Write(offset, source);
    }

    public bool Flush()
    {
        Flushes++;
        return !Fails && inner.Flush();
    }
}
