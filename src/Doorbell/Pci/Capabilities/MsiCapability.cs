using System.Numerics;

namespace Doorbell.Pci;

/// <summary>MSI (PCIe base 7.7.1): 1 to 32 vectors, one address, consecutive data; with or without mask and pending bits.</summary>
/// <remarks>
/// Software's view lives in configuration space; what a raised vector reads is one immutable <see cref="Message"/>, published whole,
/// so that a device thread never sees half of a change.
/// </remarks>
public sealed class MsiCapability : PciCapability
{
    /// <summary>Message control, 16 bits.</summary>
    public const int MessageControl = 0x02;

    /// <summary>Message address, 32 bits.</summary>
    public const int MessageAddress = 0x04;

    /// <summary>Message upper address, 32 bits (64-bit form).</summary>
    public const int MessageUpperAddress = 0x08;

    /// <summary>In <see cref="MessageControl"/>: MSIs are sent.</summary>
    public const ushort EnableBit = 1 << 0;

    /// <summary>In <see cref="MessageControl"/>: log2 of the vectors the function has.</summary>
    public const int MultipleMessageCapableShift = 1;

    /// <summary>In <see cref="MessageControl"/>: log2 of the vectors it was given.</summary>
    public const int MultipleMessageEnableShift = 4;

    /// <summary>In <see cref="MessageControl"/>: the address is 64 bits.</summary>
    public const ushort Address64Bit = 1 << 7;

    /// <summary>In <see cref="MessageControl"/>: mask and pending bits exist.</summary>
    public const ushort PerVectorMaskBit = 1 << 8;

    /// <summary>Most vectors there can be.</summary>
    public const int MaxVectors = 32;

    private const ushort MultipleMessageEnableMask = 7 << MultipleMessageEnableShift;
    private const int MaxVectorsLog2 = 5;

    private readonly bool _address64;
    private Message _message;
    private uint _mask;
    private uint _pending;

    internal MsiCapability(PciFunction function, int offset)
        : base(function, offset)
    {
        ushort control = Config.Read16(offset + MessageControl);
        _address64 = (control & Address64Bit) != 0;
        HasPerVectorMask = (control & PerVectorMaskBit) != 0;
        VectorCount = 1 << Math.Min((control >> MultipleMessageCapableShift) & 7, MaxVectorsLog2);

        Config.DefineWritable16(offset + MessageControl, EnableBit | MultipleMessageEnableMask);
        Config.DefineWritable32(offset + MessageAddress, 0xffff_fffc);
        if (_address64)
        {
            Config.DefineWritable32(offset + MessageUpperAddress, uint.MaxValue);
        }

        Config.DefineWritable16(DataRegister, 0xffff);
        if (HasPerVectorMask)
        {
            Config.DefineWritable32(MaskRegister, VectorBits);
        }

        _message = ReadMessage();
    }

    /// <inheritdoc/>
    public override int Length => DataRegister - Offset + (HasPerVectorMask ? 12 : 2);

    /// <summary>Vectors the function has: 1, 2, 4 … 32.</summary>
    public int VectorCount { get; }

    /// <summary>The upper half of the message's address exists; without it a message must lie below 4 GiB.</summary>
    public bool Has64BitAddress => _address64;

    /// <summary>Mask and pending bits exist.</summary>
    public bool HasPerVectorMask { get; }

    /// <summary>The enable bit.</summary>
    public bool IsEnabled => Volatile.Read(ref _message).Enabled;

    /// <summary>Vectors the function may use now (multiple message enable).</summary>
    public int EnabledVectorCount => Volatile.Read(ref _message).Vectors;

    /// <summary>Pending bits, one a vector.</summary>
    public uint Pending => Volatile.Read(ref _pending);

    private int DataRegister => Offset + (_address64 ? 0x0c : 0x08);

    private int MaskRegister => DataRegister + 4;

    private int PendingRegister => DataRegister + 8;

    private uint VectorBits => (uint)((1UL << VectorCount) - 1);

    /// <summary>The message as the device holds it.</summary>
    public (uint AddressLo, uint AddressHi, uint Data) ReadBack()
    {
        Message message = Volatile.Read(ref _message);
        return ((uint)message.Address, (uint)(message.Address >> 32), message.Data);
    }

    /// <summary>Writes address and data; all three registers change at once for the device.</summary>
    /// <remarks>Without a 64-bit address <paramref name="addressHi"/> must be 0: the register does not exist.</remarks>
    public void WriteMessage(uint addressLo, uint addressHi, uint data)
    {
        if (addressHi != 0 && !_address64)
        {
            throw new ArgumentOutOfRangeException(nameof(addressHi), addressHi, $"{Function.Name}: the MSI address is 32 bits");
        }

        Config.Set32(Offset + MessageAddress, addressLo & 0xffff_fffc);
        if (_address64)
        {
            Config.Set32(Offset + MessageUpperAddress, addressHi);
        }

        Config.Set16(DataRegister, (ushort)data);
        OnWritten();
    }

    /// <summary>Sets or clears the enable bit; <paramref name="count"/> vectors, rounded up to a power of two, go to multiple message enable.</summary>
    public void SetEnabled(bool enabled, int count)
    {
        int log2 = count <= 1 ? 0 : BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Min(count, VectorCount)));
        int control = Config.Read16(Offset + MessageControl) & ~(EnableBit | MultipleMessageEnableMask);
        control |= log2 << MultipleMessageEnableShift;
        Config.Set16(Offset + MessageControl, (ushort)(control | (enabled ? EnableBit : 0)));
        OnWritten();
    }

    /// <summary>Masks or unmasks a vector where the function has mask bits; otherwise it does nothing, as there is nothing to do it with.</summary>
    public void SetMask(int vector, bool masked)
    {
        if (!HasPerVectorMask || (uint)vector >= (uint)VectorCount)
        {
            return;
        }

        uint bit = 1u << vector;
        uint mask = Config.Read32(MaskRegister);
        Config.Set32(MaskRegister, masked ? mask | bit : mask & ~bit);
        OnWritten();
    }

    /// <summary>True while the vector's mask bit is set.</summary>
    public bool IsMasked(int vector) => (Volatile.Read(ref _mask) & (1u << vector)) != 0;

    /// <summary>Writes the registers into a configuration space under construction.</summary>
    internal static void Lay(PciConfigSpace config, int vectors, bool perVectorMask)
    {
        if (!BitOperations.IsPow2(vectors) || vectors > MaxVectors)
        {
            throw new ArgumentOutOfRangeException(nameof(vectors), vectors, "MSI vectors are 1, 2, 4, 8, 16 or 32");
        }

        int offset = config.AddCapability(PciCapabilityId.Msi, perVectorMask ? 0x18 : 0x0e);
        int control = (BitOperations.Log2((uint)vectors) << MultipleMessageCapableShift) | Address64Bit;
        config.Define16(offset + MessageControl, (ushort)(control | (perVectorMask ? PerVectorMaskBit : 0)));
    }

    /// <summary>A vector of the device. True: sent, or pending behind its mask. Neither locks nor allocates.</summary>
    internal bool Raise(int vector)
    {
        Message message = Volatile.Read(ref _message);
        if ((uint)vector >= (uint)message.Vectors)
        {
            Function.RefuseMessage(PciRefusal.VectorNotEnabled, (ulong)(uint)vector, vector);
            return false;
        }

        uint bit = 1u << vector;
        if ((Volatile.Read(ref _mask) & bit) == 0)
        {
            return Send(message, vector);
        }

        // Pending first, then a second look: an unmask between the two looks would otherwise leave the vector pending for ever.
        Interlocked.Or(ref _pending, bit);
        Config.Changed?.Invoke();
        DeliverPending();
        return true;
    }

    /// <summary>Sends what is pending and no longer masked.</summary>
    internal void DeliverPending()
    {
        uint ready;
        while ((ready = Volatile.Read(ref _pending) & ~Volatile.Read(ref _mask)) != 0)
        {
            Message message = Volatile.Read(ref _message);
            if (!message.Enabled || !Function.CanMaster)
            {
                return;
            }

            int vector = BitOperations.TrailingZeroCount(ready);
            uint bit = 1u << vector;
            if ((Interlocked.And(ref _pending, ~bit) & bit) != 0 && vector < message.Vectors)
            {
                Send(message, vector);
            }
        }
    }

    /// <inheritdoc/>
    internal override void OnWritten()
    {
        bool wasEnabled = IsEnabled;
        Volatile.Write(ref _message, ReadMessage());
        if (wasEnabled && !IsEnabled)
        {
            // The next owner is not interrupted for the last one, as with MSI-X.
            Interlocked.Exchange(ref _pending, 0);
        }

        Interlocked.Exchange(ref _mask, HasPerVectorMask ? Config.Read32(MaskRegister) : 0);
        DeliverPending();
        Function.RefreshIntx();
    }

    /// <inheritdoc/>
    internal override void OnReading()
    {
        if (HasPerVectorMask)
        {
            Config.Set32(PendingRegister, Pending);
        }
    }

    /// <inheritdoc/>
    internal override void OnReset()
    {
        Interlocked.Exchange(ref _pending, 0);
        OnWritten();
    }

    private Message ReadMessage()
    {
        ushort control = Config.Read16(Offset + MessageControl);
        int given = Math.Min(1 << Math.Min((control >> MultipleMessageEnableShift) & 7, MaxVectorsLog2), VectorCount);
        ulong address = Config.Read32(Offset + MessageAddress) & 0xffff_fffc;
        if (_address64)
        {
            address |= (ulong)Config.Read32(Offset + MessageUpperAddress) << 32;
        }

        return new Message(address, Config.Read16(DataRegister), given, (control & EnableBit) != 0);
    }

    // A function may change only the low bits that multiple message enable gave it (7.7.1.2).
    private bool Send(Message message, int vector) =>
        Function.SendMsi(message.Address, (message.Data & ~(uint)(message.Vectors - 1)) | (uint)vector, vector);

    private sealed class Message(ulong address, uint data, int vectors, bool enabled)
    {
        public readonly ulong Address = address;
        public readonly uint Data = data;
        public readonly int Vectors = vectors;
        public readonly bool Enabled = enabled;
    }
}
