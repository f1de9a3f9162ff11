namespace Doorbell.Fabric;

/// <summary>
/// A note a controller leaves beside a device's message: where the last write of it ended. It is a guess: what it says is checked
/// against who writes what each time, so that an old or a foreign one costs a lookup and nothing else.
/// </summary>
/// <remarks>One word, so that threads that raise a vector at the same time cannot leave half of each.</remarks>
public struct MsiHint
{
    private uint _value;

    /// <summary>The note; 0 while there is none.</summary>
    public uint Value
    {
        readonly get => Volatile.Read(in _value);
        set => Volatile.Write(ref _value, value);
    }
}
