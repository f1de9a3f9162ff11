using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>A device whose registers are 32 bits wide: accesses of any size and alignment become accesses to whole registers.</summary>
public abstract class RegisterDeviceModel : PciDeviceModel
{
    private const int Width = 4;

    /// <inheritdoc/>
    public sealed override void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        Span<byte> register = stackalloc byte[Width];
        while (!destination.IsEmpty)
        {
            int within = (int)(offset % Width);
            int count = Math.Min(Width - within, destination.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(register, ReadRegister(bar, offset - (ulong)within));
            register.Slice(within, count).CopyTo(destination);
            destination = destination[count..];
            offset += (ulong)count;
        }
    }

    /// <inheritdoc/>
    public sealed override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        Span<byte> register = stackalloc byte[Width];
        Span<byte> enables = stackalloc byte[Width];
        while (!source.IsEmpty)
        {
            int within = (int)(offset % Width);
            int count = Math.Min(Width - within, source.Length);
            register.Clear();
            enables.Clear();
            source[..count].CopyTo(register[within..]);
            enables.Slice(within, count).Fill(0xff);
            WriteRegister(
                bar,
                offset - (ulong)within,
                BinaryPrimitives.ReadUInt32LittleEndian(register),
                BinaryPrimitives.ReadUInt32LittleEndian(enables));
            source = source[count..];
            offset += (ulong)count;
        }
    }

    /// <summary>A register's value; 0 where there is none.</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">A multiple of four.</param>
    protected abstract uint ReadRegister(int bar, ulong offset);

    /// <summary>A write to a register, or to some bytes of it.</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">A multiple of four.</param>
    /// <param name="value">The bytes written, zero elsewhere.</param>
    /// <param name="mask">Ones where bytes are written: <see cref="uint.MaxValue"/> for the whole register.</param>
    protected abstract void WriteRegister(int bar, ulong offset, uint value, uint mask);

    /// <summary>A register's new value after a write to some of its bytes.</summary>
    protected static uint Merge(uint old, uint value, uint mask) => (old & ~mask) | (value & mask);
}
