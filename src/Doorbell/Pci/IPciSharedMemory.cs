namespace Doorbell.Pci;

/// <summary>
/// The pages of a function's BARs that a client may map: what it stores there is found by reading, and it finds what is written.
/// </summary>
/// <remarks>
/// Nothing tells of a client's store, so a device that has such pages is polled (<see cref="PciDeviceModel.Poll"/>). Aligned words of 32 bits
/// are read and written whole. Any thread may use it; it neither locks nor allocates.
/// </remarks>
public interface IPciSharedMemory
{
    /// <summary>Copies out. What a client has taken away from under its own mapping reads as zero.</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">Bytes into it; the whole copy lies in mappable ranges (<see cref="PciDeviceModel.MappableRanges"/>).</param>
    /// <param name="destination">Whole words.</param>
    void Read(int bar, ulong offset, Span<byte> destination);

    /// <summary>Copies in, in the same ranges.</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="source">Whole words.</param>
    void Write(int bar, ulong offset, ReadOnlySpan<byte> source);
}
