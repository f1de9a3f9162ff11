namespace Doorbell.Devices;

/// <summary>What a disk's bytes are kept in.</summary>
/// <remarks>Called by one device at a time. False is a medium's error: the device reports it, nothing else happens.</remarks>
public interface IBlockBackend
{
    /// <summary>Bytes; a multiple of 512, fixed while the device lives.</summary>
    ulong Length { get; }

    /// <summary>Reads; the range lies inside.</summary>
    bool Read(ulong offset, Span<byte> destination);

    /// <summary>Writes; the range lies inside.</summary>
    bool Write(ulong offset, ReadOnlySpan<byte> source);

    /// <summary>What has been written is safe when this returns true.</summary>
    bool Flush();
}
