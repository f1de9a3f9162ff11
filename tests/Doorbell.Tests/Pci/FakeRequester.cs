using Doorbell.Fabric;

namespace Doorbell.Tests.Pci;

/// <summary>A way upstream into an array: what lies outside it aborts, MSIs are kept.</summary>
public sealed class FakeRequester : IRequester
{
    private readonly ulong _base;
    private readonly byte[] _memory;
    private readonly List<(ulong Address, uint Data)> _msis = [];

    public FakeRequester(ulong start = 0, int size = 1 << 20)
    {
        _base = start;
        _memory = new byte[size];
    }

    /// <summary>A page the device may not write.</summary>
    public ulong? ReadOnlyPage { get; set; }

    /// <summary>A page that is not there for the device.</summary>
    public ulong? MissingPage { get; set; }

    public int Reads { get; private set; }

    public int Writes { get; private set; }

    public bool RecordMsis { get; set; } = true;

    public int MsiCount { get; private set; }

    public IReadOnlyList<(ulong Address, uint Data)> Msis => _msis;

    public void Forget() => _msis.Clear();

    public Span<byte> At(ulong iova, int length) => _memory.AsSpan((int)(iova - _base), length);

    public bool Read(Iova iova, Span<byte> destination)
    {
        Reads++;
        if (!Has(iova.Value, destination.Length) || Hits(MissingPage, iova.Value, destination.Length))
        {
            return false;
        }

        At(iova.Value, destination.Length).CopyTo(destination);
        return true;
    }

    public bool Write(Iova iova, ReadOnlySpan<byte> source)
    {
        Writes++;
        if (!Has(iova.Value, source.Length) || Hits(ReadOnlyPage, iova.Value, source.Length) || Hits(MissingPage, iova.Value, source.Length))
        {
            return false;
        }

        source.CopyTo(At(iova.Value, source.Length));
        return true;
    }

    public bool WriteMsi(Iova iova, uint data)
    {
        MsiCount++;
        if (RecordMsis)
        {
            _msis.Add((iova.Value, data));
        }

        return true;
    }

    private bool Has(ulong iova, int length) => iova >= _base && iova - _base + (ulong)length <= (ulong)_memory.Length;

    private static bool Hits(ulong? page, ulong iova, int length) =>
        page is { } start && iova < start + 4096 && start < iova + (ulong)length;
}
