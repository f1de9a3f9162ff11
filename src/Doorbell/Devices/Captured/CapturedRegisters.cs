using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>A captured function with a few registers of BAR 0 behind it. All others read as zero, and keep in a mapped page what a client stores there.</summary>
/// <remarks>
/// In a mapped page a register that acts is found by looking (<see cref="PciDeviceModel.Poll"/>): a value other than zero is taken as written, and
/// zero is left there. Two stores between two looks are one.
/// </remarks>
internal abstract class CapturedRegisters(CapturedFunction function) : CapturedDevice(function)
{
    private const int Bar = 0;
    private const int Width = 4;

    private IPciSharedMemory? _memory;

    /// <summary>Offsets of the registers that do something when written, in the order in which a driver writes them.</summary>
    protected abstract ReadOnlySpan<uint> Acting { get; }

    /// <summary>Offsets of the registers that read as anything but zero.</summary>
    protected virtual ReadOnlySpan<uint> Readable => [];

    /// <inheritdoc/>
    public sealed override void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        Span<byte> register = stackalloc byte[Width];
        for (int i = 0; i < destination.Length; i++)
        {
            uint at = (uint)(offset + (uint)i);
            BinaryPrimitives.WriteUInt32LittleEndian(register, bar == Bar ? Read(at & ~(Width - 1u)) : 0);
            destination[i] = register[(int)(at % Width)];
        }
    }

    /// <inheritdoc/>
    public sealed override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        if (bar == Bar && source.Length == Width && Acting.Contains((uint)offset))
        {
            Write((uint)offset, BinaryPrimitives.ReadUInt32LittleEndian(source));
        }
    }

    /// <summary>A register's value.</summary>
    protected virtual uint Read(uint offset) => 0;

    /// <summary>A register of <see cref="Acting"/> is written.</summary>
    protected abstract void Write(uint offset, uint value);

    /// <inheritdoc/>
    protected internal override void OnMapped(PciMappableRange range, IPciSharedMemory memory)
    {
        if (range.Bar == Bar)
        {
            _memory = memory;
            foreach (uint offset in Readable)
            {
                Store(offset, Read(offset));
            }

            foreach (uint offset in Acting)
            {
                Store(offset, 0);
            }
        }
    }

    /// <inheritdoc/>
    protected internal override void OnUnmapped() => _memory = null;

    /// <inheritdoc/>
    protected internal override bool Poll()
    {
        if (_memory is not { } memory)
        {
            return false;
        }

        // Looked at from the last one written to the first, and acted on from the first: whoever stores meanwhile, what is found is then a beginning
        // of what a driver writes, never a later store without the earlier ones.
        bool found = false;
        ReadOnlySpan<uint> offsets = Acting;
        Span<byte> register = stackalloc byte[Width];
        Span<uint> values = stackalloc uint[offsets.Length];
        for (int i = offsets.Length - 1; i >= 0; i--)
        {
            memory.Read(Bar, offsets[i], register);
            values[i] = BinaryPrimitives.ReadUInt32LittleEndian(register);
        }

        for (int i = 0; i < offsets.Length; i++)
        {
            if (values[i] != 0)
            {
                found = true;
                Store(offsets[i], 0);
                Write(offsets[i], values[i]);
            }
        }

        return found;
    }

    private void Store(uint offset, uint value)
    {
        Span<byte> register = stackalloc byte[Width];
        BinaryPrimitives.WriteUInt32LittleEndian(register, value);
        _memory!.Write(Bar, offset, register);
    }
}
