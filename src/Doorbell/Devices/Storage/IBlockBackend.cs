namespace Doorbell.Devices;

/// <summary>What a disk's bytes are kept in.</summary>
/// <remarks>Called by one device at a time, with ranges that lie inside. What fails is a medium's error: the device reports it, nothing else happens.</remarks>
public interface IBlockBackend
{
    /// <summary>Bytes; a multiple of 512, fixed while the device lives.</summary>
    ulong Length { get; }

    /// <summary>Nothing can be written: the device says so before it is tried.</summary>
    bool IsReadOnly => false;

    /// <summary>Reads.</summary>
    BlockStatus Read(ulong offset, Span<byte> destination);

    /// <summary>The bytes where they lie, to be copied by the kernel alone.</summary>
    /// <returns>False where they have to be read with <see cref="Read"/>.</returns>
    bool TryGetBytes(ulong offset, int length, out KernelBytes bytes)
    {
        bytes = default;
        return false;
    }

    /// <summary>Writes.</summary>
    BlockStatus Write(ulong offset, ReadOnlySpan<byte> source);

    /// <summary>Makes a range of any length read as zeros, if possible in a time that does not grow with it.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="length">Bytes, a multiple of 512.</param>
    /// <param name="deallocate">The room may be given back as well.</param>
    BlockStatus WriteZeroes(ulong offset, ulong length, bool deallocate);

    /// <summary>Gives a range's room back; it reads as zeros afterwards.</summary>
    /// <returns><see cref="BlockStatus.Unsupported"/> where the medium cannot: what is in the range stays.</returns>
    BlockStatus Discard(ulong offset, ulong length);

    /// <summary>What has been written is safe when this returns <see cref="BlockStatus.Done"/>.</summary>
    BlockStatus Flush();
}
