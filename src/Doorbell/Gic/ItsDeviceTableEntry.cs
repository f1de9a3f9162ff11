namespace Doorbell.Gic;

/// <summary>A valid device table entry with its interrupt translation table (IHI 0069, 5.2). Readers take no lock.</summary>
internal sealed class ItsDeviceTableEntry(int size)
{
    private readonly ulong[] _itt = new ulong[1 << (size + 1)];

    /// <summary>MAPD's Size: bits of EventID minus one.</summary>
    public int Size { get; } = size;

    public int Events => _itt.Length;

    public bool InRange(uint eventId) => eventId < (uint)_itt.Length;

    /// <summary>The entry; the caller has checked the range.</summary>
    public ItsTranslation Read(uint eventId) => new(Volatile.Read(ref _itt[eventId]));

    public void Write(uint eventId, ItsTranslation translation) => Volatile.Write(ref _itt[eventId], translation.Word);
}
