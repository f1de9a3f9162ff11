using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>A client's mapping of BARs: stores and loads are here, the device looks at it when it is polled.</summary>
public sealed class ArraySharedMemory(int bytes = 0x8000) : IPciSharedMemory
{
    private readonly byte[] _bytes = new byte[bytes];

    /// <summary>Words the device has written.</summary>
    public List<ulong> Written { get; } = [];

    public uint this[ulong offset]
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan((int)offset));
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan((int)offset), value);
    }

    public void Read(int bar, ulong offset, Span<byte> destination) => _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

    public void Write(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        source.CopyTo(_bytes.AsSpan((int)offset));
        for (int at = 0; at < source.Length; at += 4)
        {
            Written.Add(offset + (ulong)at);
        }
    }
}
