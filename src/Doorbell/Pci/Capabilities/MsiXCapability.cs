using System.Buffers.Binary;
using System.Numerics;

namespace Doorbell.Pci;

/// <summary>MSI-X (PCIe base 7.7.2): up to 2048 vectors, their messages in a table in a BAR, a mask and a pending bit each.</summary>
/// <remarks>
/// An entry is an immutable object published whole: a device thread that raises a vector while the entry is rewritten sends the old
/// message or the new one, never halves of both. Entries are written by control operations and by accesses to the BAR.
/// </remarks>
public sealed class MsiXCapability : PciCapability
{
    /// <summary>Message control, 16 bits.</summary>
    public const int MessageControl = 0x02;

    /// <summary>Table offset and BAR indicator, 32 bits.</summary>
    public const int TableRegister = 0x04;

    /// <summary>PBA offset and BAR indicator, 32 bits.</summary>
    public const int PbaRegister = 0x08;

    /// <summary>Bytes of the capability.</summary>
    public const int Size = 0x0c;

    /// <summary>Bytes of a table entry.</summary>
    public const int EntrySize = 16;

    /// <summary>In an entry: the vector control register.</summary>
    public const int EntryControl = 12;

    /// <summary>In <see cref="MessageControl"/>: MSI-X is used.</summary>
    public const ushort EnableBit = 1 << 15;

    /// <summary>In <see cref="MessageControl"/>: every vector is masked.</summary>
    public const ushort FunctionMaskBit = 1 << 14;

    /// <summary>In <see cref="MessageControl"/>: vectors less one.</summary>
    public const ushort TableSizeMask = 0x07ff;

    /// <summary>In the table and PBA registers: which BAR.</summary>
    public const uint BarIndicatorMask = 7;

    /// <summary>Most vectors there can be.</summary>
    public const int MaxVectors = 2048;

    private static readonly Entry ResetEntry = new(default(MsiXEntry) with { Masked = true });

    private readonly Lock _writers = new();
    private readonly Entry[] _entries;
    private readonly ulong[] _pending;
    private int _control;

    internal MsiXCapability(PciFunction function, int offset)
        : base(function, offset)
    {
        VectorCount = (Config.Read16(offset + MessageControl) & TableSizeMask) + 1;
        uint table = Config.Read32(offset + TableRegister);
        uint pba = Config.Read32(offset + PbaRegister);
        TableBar = (int)(table & BarIndicatorMask);
        TableOffset = table & ~BarIndicatorMask;
        PbaBar = (int)(pba & BarIndicatorMask);
        PbaOffset = pba & ~BarIndicatorMask;

        _entries = new Entry[VectorCount];
        Slots = new MsiXSlot[VectorCount];
        Clear();
        _pending = new ulong[(VectorCount + 63) / 64];
        Config.DefineWritable16(offset + MessageControl, EnableBit | FunctionMaskBit);
        _control = Config.Read16(offset + MessageControl);
    }

    /// <inheritdoc/>
    public override int Length => Size;

    /// <summary>Vectors: 1 to 2048.</summary>
    public int VectorCount { get; }

    /// <summary>BAR of the table.</summary>
    public int TableBar { get; }

    /// <summary>Bytes into <see cref="TableBar"/>.</summary>
    public ulong TableOffset { get; }

    /// <summary>Bytes of the table.</summary>
    public int TableLength => VectorCount * EntrySize;

    /// <summary>BAR of the pending bit array.</summary>
    public int PbaBar { get; }

    /// <summary>Bytes into <see cref="PbaBar"/>.</summary>
    public ulong PbaOffset { get; }

    /// <summary>Bytes of the pending bit array: whole 64-bit words.</summary>
    public int PbaLength => _pending.Length * 8;

    /// <summary>The entries again, as the data path reads them.</summary>
    internal MsiXSlot[] Slots { get; private set; }

    /// <summary>The enable bit.</summary>
    public bool IsEnabled => (Volatile.Read(ref _control) & EnableBit) != 0;

    /// <summary>The function mask bit.</summary>
    public bool IsFunctionMasked => (Volatile.Read(ref _control) & FunctionMaskBit) != 0;

    /// <summary>An entry as the device holds it.</summary>
    public MsiXEntry ReadEntry(int index) => Volatile.Read(ref _entries[index]).Value;

    /// <summary>Writes an entry's message, leaving its mask bit; address and data change at once for the device.</summary>
    public void WriteEntry(int index, uint addressLo, uint addressHi, uint data)
    {
        lock (_writers)
        {
            Entry old = _entries[index];
            Publish(index, new MsiXEntry(addressLo & ~3u, addressHi, data, old.Value.Masked));
        }

        DeliverPending(index);
    }

    /// <summary>Masks or unmasks an entry; unmasking sends what is pending.</summary>
    public void SetMask(int index, bool masked)
    {
        lock (_writers)
        {
            Publish(index, _entries[index].Value with { Masked = masked });
        }

        DeliverPending(index);
    }

    /// <summary>Sets or clears the enable bit.</summary>
    public void SetEnabled(bool enabled) => SetControl(EnableBit, enabled);

    /// <summary>Sets or clears the function mask bit; clearing sends what is pending.</summary>
    public void SetFunctionMask(bool masked) => SetControl(FunctionMaskBit, masked);

    /// <summary>An entry's pending bit.</summary>
    public bool IsPending(int index) => (Volatile.Read(ref _pending[index / 64]) & (1UL << (index % 64))) != 0;

    /// <summary>Writes the registers into a configuration space under construction.</summary>
    internal static void Lay(PciConfigSpace config, MsiXDescription description)
    {
        if (description.Vectors is < 1 or > MaxVectors)
        {
            throw new ArgumentOutOfRangeException(nameof(description), description.Vectors, "MSI-X has 1 to 2048 vectors");
        }

        if (((description.TableOffset | description.PbaOffset) & BarIndicatorMask) != 0)
        {
            throw new ArgumentException("MSI-X table and PBA are 8-aligned", nameof(description));
        }

        int offset = config.AddCapability(PciCapabilityId.MsiX, Size);
        config.Define16(offset + MessageControl, (ushort)(description.Vectors - 1));
        config.Define32(offset + TableRegister, description.TableOffset | (uint)description.TableBar);
        config.Define32(offset + PbaRegister, description.PbaOffset | (uint)description.PbaBar);
    }

    /// <summary>The data path's copies of the entries are made anew. A control operation, like every write of an entry.</summary>
    internal void GatherSlots()
    {
        lock (_writers)
        {
            Slots = [.. Slots];
        }
    }

    /// <summary>A vector of the device. True: sent, or pending behind a mask. Neither locks nor allocates.</summary>
    internal bool Raise(int vector)
    {
        if ((uint)vector >= (uint)_entries.Length)
        {
            Function.RefuseMessage(PciRefusal.VectorNotEnabled, (ulong)(uint)vector, vector);
            return false;
        }

        Entry entry = Volatile.Read(ref _entries[vector]);
        if (!entry.Value.Masked && !IsFunctionMasked)
        {
            return Function.SendMsi(entry.Value.Address, entry.Value.Data, vector);
        }

        // Pending first, then a second look: an unmask between the two looks would otherwise leave the vector pending for ever.
        Interlocked.Or(ref _pending[vector / 64], 1UL << (vector % 64));
        DeliverPending(vector);
        return true;
    }

    /// <summary>Sends every vector that is pending and no longer masked.</summary>
    internal void DeliverPending()
    {
        for (int word = 0; word < _pending.Length; word++)
        {
            for (ulong bits = Volatile.Read(ref _pending[word]); bits != 0; bits &= bits - 1)
            {
                DeliverPending((word * 64) + BitOperations.TrailingZeroCount(bits));
            }
        }
    }

    /// <summary>Reads the table as the BAR shows it.</summary>
    internal void ReadTable(int offset, Span<byte> destination)
    {
        Span<byte> image = stackalloc byte[EntrySize];
        while (!destination.IsEmpty)
        {
            Encode(ReadEntry(offset / EntrySize), image);
            int within = offset % EntrySize;
            int count = Math.Min(destination.Length, EntrySize - within);
            image.Slice(within, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Writes the table through the BAR; each entry the write touches changes at once.</summary>
    internal void WriteTable(int offset, ReadOnlySpan<byte> source)
    {
        Span<byte> image = stackalloc byte[EntrySize];
        while (!source.IsEmpty)
        {
            int index = offset / EntrySize;
            int within = offset % EntrySize;
            int count = Math.Min(source.Length, EntrySize - within);
            lock (_writers)
            {
                Encode(_entries[index].Value, image);
                source[..count].CopyTo(image[within..]);
                Publish(index, Decode(image));
            }

            DeliverPending(index);
            source = source[count..];
            offset += count;
        }
    }

    /// <summary>Reads the pending bit array as the BAR shows it; writes to it have no effect (7.7.2.7).</summary>
    internal void ReadPba(int offset, Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            int at = offset + i;
            destination[i] = (byte)(Volatile.Read(ref _pending[at / 8]) >> (at % 8 * 8));
        }
    }

    /// <inheritdoc/>
    internal override void OnWritten()
    {
        int control = Config.Read16(Offset + MessageControl);
        int before = Interlocked.Exchange(ref _control, control);
        Function.RefreshMsiXPath();
        if ((before & EnableBit) != 0 && (control & EnableBit) == 0)
        {
            // Pending bits mean nothing while MSI-X is off (7.7.2.7); cleared, the next owner is not interrupted for the last one.
            ClearPending();
        }

        DeliverPending();
        Function.RefreshIntx();
    }

    /// <inheritdoc/>
    internal override void OnReset()
    {
        lock (_writers)
        {
            Clear();
            ClearPending();
        }

        OnWritten();
    }

    private static void Encode(MsiXEntry entry, Span<byte> image)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(image, entry.AddressLo);
        BinaryPrimitives.WriteUInt32LittleEndian(image[4..], entry.AddressHi);
        BinaryPrimitives.WriteUInt32LittleEndian(image[8..], entry.Data);
        BinaryPrimitives.WriteUInt32LittleEndian(image[EntryControl..], entry.Masked ? 1u : 0);
    }

    private static MsiXEntry Decode(ReadOnlySpan<byte> image) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(image) & ~3u,
        BinaryPrimitives.ReadUInt32LittleEndian(image[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(image[8..]),
        (image[EntryControl] & 1) != 0);

    // A full fence, so that the pending bits are looked at after the entry is out (see Raise).
    private void Publish(int index, MsiXEntry entry)
    {
        Interlocked.Exchange(ref _entries[index], new Entry(entry));
        Slots[index].Write(entry);
    }

    private void Clear()
    {
        for (int i = 0; i < _entries.Length; i++)
        {
            Volatile.Write(ref _entries[i], ResetEntry);
            Slots[i].Write(ResetEntry.Value);
        }
    }

    private void DeliverPending(int vector)
    {
        Entry entry = Volatile.Read(ref _entries[vector]);
        if (entry.Value.Masked || (Volatile.Read(ref _control) & (EnableBit | FunctionMaskBit)) != EnableBit || !Function.CanMaster)
        {
            return;
        }

        ulong bit = 1UL << (vector % 64);
        if ((Volatile.Read(ref _pending[vector / 64]) & bit) != 0 && (Interlocked.And(ref _pending[vector / 64], ~bit) & bit) != 0)
        {
            Function.SendMsi(entry.Value.Address, entry.Value.Data, vector);
        }
    }

    private void ClearPending()
    {
        for (int i = 0; i < _pending.Length; i++)
        {
            Interlocked.Exchange(ref _pending[i], 0);
        }
    }

    private void SetControl(ushort bit, bool set)
    {
        int control = Config.Read16(Offset + MessageControl);
        Config.Set16(Offset + MessageControl, (ushort)(set ? control | bit : control & ~bit));
        OnWritten();
    }

    private sealed class Entry(MsiXEntry value)
    {
        public readonly MsiXEntry Value = value;
    }
}
