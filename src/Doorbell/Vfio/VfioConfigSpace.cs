using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>
/// Config space as the user sees it (V5): some bits are the user's own copy, some the device's; of each, some may be
/// written. BARs are the user's to size and place, MSI messages never show, MSI-X control is read-only.
/// </summary>
internal sealed class VfioConfigSpace
{
    private const int MsiEnable = MsiCapability.EnableBit;
    private const int MultipleMessageEnableMask = 7 << MsiCapability.MultipleMessageEnableShift;
    private const ushort DecodeMask = (ushort)(PciCommand.IoSpace | PciCommand.MemorySpace | PciCommand.BusMaster);

    private readonly PciFunction _function;
    private readonly VfioInterrupts _interrupts;
    private readonly byte[] _copy;
    private readonly byte[] _isCopy;
    private readonly byte[] _writable;

    public VfioConfigSpace(PciFunction function, VfioInterrupts interrupts)
    {
        _function = function;
        _interrupts = interrupts;
        _copy = new byte[function.Config.Size];
        _isCopy = new byte[function.Config.Size];
        _writable = new byte[function.Config.Size];
        DefineHeader();
        if (function.Msi is { } msi)
        {
            DefineMsi(msi);
        }

        if (function.PowerManagement is { } power)
        {
            // The device's own: outside D0 it neither decodes nor masters the bus.
            Define16(power.Offset + PowerManagementCapability.ControlStatus, 0, PowerManagementCapability.PowerStateMask);
        }

        if (function.Express is { } express)
        {
            Define16(express.Offset + PciExpressCapability.DeviceControl, 0xffff, 0xffff);
        }
    }

    /// <summary>Takes the device's values over: at open, before the first access.</summary>
    public void Reload()
    {
        _function.ReadConfig(0, _copy);
        if (_function.Msi is { } msi)
        {
            // The host's messages are never the user's to see.
            int end = msi.Offset + msi.Length;
            for (int i = msi.Offset + MsiCapability.MessageAddress; i < end; i++)
            {
                _copy[i] &= (byte)~_isCopy[i];
            }
        }
    }

    public void Read(int offset, Span<byte> destination)
    {
        _function.ReadConfig(offset, destination);
        for (int i = 0; i < destination.Length; i++)
        {
            byte mask = _isCopy[offset + i];
            destination[i] = (byte)((_copy[offset + i] & mask) | (destination[i] & ~mask));
        }
    }

    /// <summary>Writes; true where the write asked for a function level reset.</summary>
    public bool Write(int offset, ReadOnlySpan<byte> source)
    {
        Span<byte> one = stackalloc byte[1];
        for (int i = 0; i < source.Length; i++)
        {
            int at = offset + i;
            byte mine = (byte)(_writable[at] & _isCopy[at]);
            _copy[at] = (byte)((_copy[at] & ~mine) | (source[i] & mine));
            byte through = (byte)(_writable[at] & ~_isCopy[at]);
            if (through != 0 && !IsCommand(at))
            {
                _function.ReadConfig(at, one);
                one[0] = (byte)((one[0] & ~through) | (source[i] & through));
                _function.WriteConfig(at, one);
            }
        }

        if (Touches(offset, source.Length, PciHeader.Command, 2))
        {
            WriteCommand(offset, source);
        }

        if (Touches(offset, source.Length, PciHeader.Bar0, 4 * PciHeader.EndpointBars))
        {
            SizeBars();
        }

        if (_function.Msi is { } msi && Touches(offset, source.Length, msi.Offset + MsiCapability.MessageControl, 2))
        {
            FixMsiControl(msi);
        }

        return AsksForReset(offset, source.Length);
    }

    // Table of the type 0 header (PCIe base 7.5.1): what is the user's copy, and what may be written.
    private void DefineHeader()
    {
        Define16(PciHeader.VendorId, 0xffff, 0);
        Define16(PciHeader.DeviceId, 0xffff, 0);
        Define16(PciHeader.Command, (ushort)PciCommand.InterruptDisable, 0xffff);
        Define8(PciHeader.CacheLineSize, 0, 0xff);
        Define8(PciHeader.LatencyTimer, 0, 0xff);
        for (int bar = 0; bar < PciHeader.EndpointBars; bar++)
        {
            Define32(PciHeader.Bar0 + (4 * bar), uint.MaxValue, uint.MaxValue);
        }

        Define32(PciHeader.RomAddress, uint.MaxValue, 0);
        Define8(PciHeader.InterruptLine, 0xff, 0xff);
        Define8(PciHeader.InterruptPin, 0xff, 0);
    }

    // Address, data and control are the user's own bytes; mask bits reach the device (PCIe base 7.7.1).
    private void DefineMsi(MsiCapability msi)
    {
        Define16(msi.Offset + MsiCapability.MessageControl, 0xffff, (ushort)(MsiEnable | (7 << MsiCapability.MultipleMessageCapableShift) | MultipleMessageEnableMask));
        int mask = msi.HasPerVectorMask ? msi.Offset + msi.Length - 8 : msi.Offset + msi.Length;
        for (int i = msi.Offset + MsiCapability.MessageAddress; i < mask; i++)
        {
            Define8(i, 0xff, 0xff);
        }

        if (msi.HasPerVectorMask)
        {
            Define32(mask, 0, uint.MaxValue);
        }
    }

    private void WriteCommand(int offset, ReadOnlySpan<byte> source)
    {
        ushort command = (ushort)_function.Command;
        for (int i = 0; i < source.Length; i++)
        {
            int shift = 8 * (offset + i - PciHeader.Command);
            if (shift is 0 or 8)
            {
                command = (ushort)((command & ~(0xff << shift)) | (source[i] << shift));
            }
        }

        // Interrupt disable is the user's copy: the host masks by itself, and keeps the device's bit as it needs it.
        bool disable = (Read16(PciHeader.Command) & (ushort)PciCommand.InterruptDisable) != 0;
        PciCommand physical = _function.Command;
        PciCommand wanted = (PciCommand)command & ~PciCommand.InterruptDisable;
        _function.SetCommand(wanted | (physical & PciCommand.InterruptDisable));
        BinaryPrimitives.WriteUInt16LittleEndian(_copy.AsSpan(PciHeader.Command), (ushort)((Read16(PciHeader.Command) & ~DecodeMask) | ((ushort)wanted & DecodeMask)));
        _interrupts.SetUserIntxDisable(disable);
    }

    // What was written to a BAR reads back with the bits below its size at zero and its type bits in place.
    private void SizeBars()
    {
        for (int index = 0; index < PciHeader.EndpointBars; index++)
        {
            int register = PciHeader.Bar0 + (4 * index);
            if (_function.Bars[index] is not { } bar)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(_copy.AsSpan(register), 0);
                continue;
            }

            uint typeBits = bar.Kind == PciBarKind.Io ? 3u : 0xfu;
            uint type = _function.Config.Read32(register) & typeBits;
            uint low = Read32(register) & (uint)~(bar.Size - 1) & ~typeBits;
            BinaryPrimitives.WriteUInt32LittleEndian(_copy.AsSpan(register), low | type);
            if (bar.Kind == PciBarKind.Memory64)
            {
                index++;
                uint high = Read32(register + 4) & (uint)(~(bar.Size - 1) >> 32);
                BinaryPrimitives.WriteUInt32LittleEndian(_copy.AsSpan(register + 4), high);
            }
        }
    }

    // Enable stays off until vectors are armed by SET_IRQS; no more messages than were armed last (msi_qmax).
    private void FixMsiControl(MsiCapability msi)
    {
        int at = msi.Offset + MsiCapability.MessageControl;
        int control = Read16(at);
        if (!_interrupts.IsMsiArmed)
        {
            control &= ~MsiEnable;
        }

        int most = _interrupts.MessageOrder;
        int asked = (control & MultipleMessageEnableMask) >> MsiCapability.MultipleMessageEnableShift;
        if (asked > most)
        {
            control = (control & ~MultipleMessageEnableMask) | (most << MsiCapability.MultipleMessageEnableShift);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(_copy.AsSpan(at), (ushort)control);

        // The device follows, as far as these bits are writable in it: enable and how many messages.
        _function.WriteConfig(at, _copy.AsSpan(at, 2));
    }

    private bool AsksForReset(int offset, int length)
    {
        if (_function.Express is not { } express)
        {
            return false;
        }

        int at = express.Offset + PciExpressCapability.DeviceControl;
        if (!Touches(offset, length, at, 2) || (Read16(at) & PciExpressCapability.InitiateFunctionLevelReset) == 0)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16LittleEndian(_copy.AsSpan(at), (ushort)(Read16(at) & ~PciExpressCapability.InitiateFunctionLevelReset));
        return express.CanReset;
    }

    private static bool IsCommand(int offset) => offset is PciHeader.Command or PciHeader.Command + 1;

    private static bool Touches(int offset, int length, int start, int size) => offset < start + size && start < offset + length;

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_copy.AsSpan(offset));

    private uint Read32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_copy.AsSpan(offset));

    private void Define8(int offset, byte isCopy, byte writable)
    {
        _isCopy[offset] = isCopy;
        _writable[offset] = writable;
    }

    private void Define16(int offset, ushort isCopy, ushort writable)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_isCopy.AsSpan(offset), isCopy);
        BinaryPrimitives.WriteUInt16LittleEndian(_writable.AsSpan(offset), writable);
    }

    private void Define32(int offset, uint isCopy, uint writable)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_isCopy.AsSpan(offset), isCopy);
        BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(offset), writable);
    }
}
