using System.Buffers.Binary;

namespace Doorbell.Pci;

/// <summary>
/// A function's configuration space: bytes, what software may write, what a reset brings back, and the capability lists.
/// This is the physical view; what a VFIO client reads is another layer's.
/// </summary>
/// <remarks>Written by control operations only, one at a time. Little endian, as the bus is.</remarks>
public sealed class PciConfigSpace
{
    private const int FirstExtended = PciHeader.ConventionalSize;

    private readonly byte[] _bytes;
    private readonly byte[] _reset;
    private readonly byte[] _writable;
    private readonly byte[] _writeOneToClear;

    private int _nextFree = PciHeader.End;
    private int _nextFreeExtended = FirstExtended;

    /// <summary>An empty space.</summary>
    /// <param name="size">256 (conventional) or 4096 (PCI Express) bytes.</param>
    public PciConfigSpace(int size)
    {
        if (size is not (PciHeader.ConventionalSize or PciHeader.ExpressSize))
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, "configuration space is 256 or 4096 bytes");
        }

        _bytes = new byte[size];
        _reset = new byte[size];
        _writable = new byte[size];
        _writeOneToClear = new byte[size];
    }

    /// <summary>A space that starts with these bytes (a captured function).</summary>
    public PciConfigSpace(ReadOnlySpan<byte> contents)
        : this(contents.Length)
    {
        contents.CopyTo(_bytes);
        contents.CopyTo(_reset);
    }

    /// <summary>Bytes: 256 or 4096.</summary>
    public int Size => _bytes.Length;

    /// <summary>Called after what is read here has changed, on the thread that changed it, a device's own too: it must be quick. Null where nobody looks.</summary>
    public Action? Changed { get; set; }

    /// <summary>One byte.</summary>
    public byte Read8(int offset) => _bytes[offset];

    /// <summary>Two bytes.</summary>
    public ushort Read16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(offset));

    /// <summary>Four bytes.</summary>
    public uint Read32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));

    /// <summary>Any bytes; what lies past the end reads as ones, like a function that is not there.</summary>
    public void Read(int offset, Span<byte> destination)
    {
        destination.Fill(0xff);
        if ((uint)offset < (uint)Size)
        {
            int count = Math.Min(destination.Length, Size - offset);
            _bytes.AsSpan(offset, count).CopyTo(destination);
        }
    }

    /// <summary>A write by software: read-only bits stay, write-one-to-clear bits are cleared by ones. Past the end it is dropped.</summary>
    public void Write(int offset, ReadOnlySpan<byte> source)
    {
        for (int i = 0; i < source.Length && (uint)(offset + i) < (uint)Size; i++)
        {
            byte mask = _writable[offset + i];
            byte value = (byte)((_bytes[offset + i] & ~mask) | (source[i] & mask));
            Set8(offset + i, (byte)(value & ~(source[i] & _writeOneToClear[offset + i])));
        }
    }

    /// <summary>The hardware sets a byte, write mask or not; a reset undoes it.</summary>
    public void Set8(int offset, byte value)
    {
        if (_bytes[offset] != value)
        {
            _bytes[offset] = value;
            Changed?.Invoke();
        }
    }

    /// <summary>The hardware sets two bytes; a reset undoes it.</summary>
    public void Set16(int offset, ushort value)
    {
        if (Read16(offset) != value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(offset), value);
            Changed?.Invoke();
        }
    }

    /// <summary>The hardware sets four bytes; a reset undoes it.</summary>
    public void Set32(int offset, uint value)
    {
        if (Read32(offset) != value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(offset), value);
            Changed?.Invoke();
        }
    }

    /// <summary>Sets a byte now and after every reset (HwInit).</summary>
    public void Define8(int offset, byte value) => _bytes[offset] = _reset[offset] = value;

    /// <summary>Sets two bytes now and after every reset.</summary>
    public void Define16(int offset, ushort value)
    {
        Set16(offset, value);
        BinaryPrimitives.WriteUInt16LittleEndian(_reset.AsSpan(offset), value);
    }

    /// <summary>Sets four bytes now and after every reset.</summary>
    public void Define32(int offset, uint value)
    {
        Set32(offset, value);
        BinaryPrimitives.WriteUInt32LittleEndian(_reset.AsSpan(offset), value);
    }

    /// <summary>Declares which bits of a byte software may write.</summary>
    public void DefineWritable8(int offset, byte mask) => _writable[offset] = mask;

    /// <summary>Declares which bits of two bytes software may write.</summary>
    public void DefineWritable16(int offset, ushort mask) => BinaryPrimitives.WriteUInt16LittleEndian(_writable.AsSpan(offset), mask);

    /// <summary>Declares which bits of four bytes software may write.</summary>
    public void DefineWritable32(int offset, uint mask) => BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(offset), mask);

    /// <summary>Declares which bits of two bytes software clears by writing ones.</summary>
    public void DefineWriteOneToClear16(int offset, ushort mask) => BinaryPrimitives.WriteUInt16LittleEndian(_writeOneToClear.AsSpan(offset), mask);

    /// <summary>The writable bits of four bytes: what sizing a BAR reveals.</summary>
    public uint Writable32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_writable.AsSpan(offset));

    /// <summary>Every byte back to its value after reset.</summary>
    public void Reset()
    {
        _reset.CopyTo(_bytes.AsSpan());
        Changed?.Invoke();
    }

    /// <summary>Appends a capability to the list (PCIe base 7.5.3) and returns where it is.</summary>
    /// <param name="id">Its ID: <see cref="PciCapabilityId"/>.</param>
    /// <param name="length">Bytes, header included.</param>
    public int AddCapability(byte id, int length)
    {
        int offset = _nextFree;
        if (offset + length > PciHeader.ConventionalSize)
        {
            throw new InvalidOperationException($"capability 0x{id:x2} of {length} bytes does not fit below 0x100");
        }

        _nextFree = (offset + length + 3) & ~3;
        int link = PciHeader.CapabilitiesPointer;
        foreach (int existing in Capabilities())
        {
            link = existing + 1;
        }

        Define8(offset, id);
        Define8(link, (byte)offset);
        Define16(PciHeader.Status, (ushort)(Read16(PciHeader.Status) | (ushort)PciStatus.CapabilityList));
        return offset;
    }

    /// <summary>Appends an extended capability (PCIe base 7.6) and returns where it is.</summary>
    /// <param name="id">Its ID: <see cref="PciExtendedCapabilityId"/>.</param>
    /// <param name="version">1 to 15.</param>
    /// <param name="length">Bytes, header included.</param>
    public int AddExtendedCapability(ushort id, int version, int length)
    {
        int offset = _nextFreeExtended;
        if (offset + length > Size)
        {
            throw new InvalidOperationException($"extended capability 0x{id:x4} of {length} bytes does not fit in {Size}");
        }

        _nextFreeExtended = (offset + length + 3) & ~3;
        int last = -1;
        foreach (int existing in ExtendedCapabilities())
        {
            last = existing;
        }

        if (last >= 0)
        {
            Define32(last, (Read32(last) & 0x000f_ffff) | ((uint)offset << 20));
        }

        Define32(offset, id | ((uint)version << 16));
        return offset;
    }

    /// <summary>Where the first capability with this ID is; 0 when there is none.</summary>
    public int FindCapability(byte id)
    {
        foreach (int offset in Capabilities())
        {
            if (_bytes[offset] == id)
            {
                return offset;
            }
        }

        return 0;
    }

    /// <summary>Where the first extended capability with this ID is; 0 when there is none.</summary>
    public int FindExtendedCapability(ushort id)
    {
        foreach (int offset in ExtendedCapabilities())
        {
            if (Read16(offset) == id)
            {
                return offset;
            }
        }

        return 0;
    }

    /// <summary>Offsets of the capability list, in its order. A list that loops (a captured one might) ends after as many hops as there is room for.</summary>
    public IEnumerable<int> Capabilities()
    {
        if ((Read16(PciHeader.Status) & (ushort)PciStatus.CapabilityList) == 0)
        {
            yield break;
        }

        int offset = _bytes[PciHeader.CapabilitiesPointer] & ~3;
        for (int hops = 0; hops < (PciHeader.ConventionalSize - PciHeader.End) / 4 && offset >= PciHeader.End; hops++)
        {
            yield return offset;
            offset = _bytes[offset + 1] & ~3;
        }
    }

    /// <summary>Offsets of the extended capability list, in its order, with the same bound.</summary>
    public IEnumerable<int> ExtendedCapabilities()
    {
        int offset = FirstExtended;
        for (int hops = 0; hops < (Size - FirstExtended) / 4 && offset >= FirstExtended && offset <= Size - 4 && Read32(offset) != 0; hops++)
        {
            yield return offset;
            offset = (int)(Read32(offset) >> 20) & ~3;
        }
    }
}
