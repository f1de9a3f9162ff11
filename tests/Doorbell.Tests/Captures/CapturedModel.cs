using System.Buffers.Binary;
using System.Numerics;
using Doorbell.Devices;

namespace Doorbell.Tests.Captures;

/// <summary>The one thing the captures' client asks of QEMU's devices: raise an interrupt when told to. All other registers read as zero.</summary>
internal sealed class CapturedModel(CapturedFunction function) : CapturedDevice(function)
{
    public const uint Igb = 0x10c9_8086;
    public const uint Edu = 0x11e8_1234;
    public const uint E1000e = 0x10d3_8086;

    private const ulong IgbEics = 0x1520; // extended interrupt cause set: a bit a vector
    private const ulong EduRaise = 0x60;
    private const ulong E1000eIcs = 0xc8; // interrupt cause set
    private const ulong E1000eIms = 0xd0; // interrupt mask set
    private const ulong E1000eImc = 0xd8; // interrupt mask clear

    private readonly uint _identity = function.VendorId | ((uint)function.DeviceId << 16);
    private uint _unmasked;

    public override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        if (bar != 0 || source.Length != sizeof(uint))
        {
            return;
        }

        uint value = BinaryPrimitives.ReadUInt32LittleEndian(source);
        switch (_identity, offset)
        {
            case (Igb, IgbEics):
                Function.RaiseMsi(BitOperations.TrailingZeroCount(value));
                break;
            case (Edu, EduRaise):
                Function.RaiseMsi(0);
                break;
            case (E1000e, E1000eImc):
                _unmasked &= ~value;
                break;
            case (E1000e, E1000eIms):
                _unmasked |= value;
                break;
            case (E1000e, E1000eIcs) when (value & _unmasked) != 0:
                Function.RaiseMsi(0);
                break;
        }
    }

    public override void Reset() => _unmasked = 0;
}
