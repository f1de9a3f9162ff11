using Doorbell;
using Doorbell.Devices;
using Doorbell.Pci;

namespace OwnDevice;

/// <summary>Reads memory and says its CRC-32 (IEEE 802.3, as zlib has it), then raises vector 0.</summary>
internal sealed class Crc32Device : RegisterMapModel<Crc32Device.Register>
{
    private readonly byte[] _piece = new byte[4096];

    public Crc32Device()
        : base("crc32", vectors: 1, new PciDeviceDescription { VendorId = 0x1234, DeviceId = 0xc3c3, ClassCode = 0x0b4000 })
    {
        Stores(Register.AddressLow);
        Stores(Register.AddressHigh);
        Does(Register.Length, Start);
    }

    public enum Register : uint
    {
        AddressLow = 0x00, // RW: an IOVA, 64 bits
        AddressHigh = 0x04,
        Length = 0x08, // WO: bytes; writing it starts
        Status = 0x0c, // RO: 1 done, 2 the memory could not be read
        Sum = 0x10, // RO
    }

    private void Start(uint length)
    {
        uint sum = uint.MaxValue;
        bool readable = true;
        for (uint done = 0; done < length && readable; done += (uint)_piece.Length)
        {
            Span<byte> piece = _piece.AsSpan(0, (int)Math.Min((uint)_piece.Length, length - done));
            readable = Function.ReadMemory(new Iova(Wide(Register.AddressLow)) + done, piece);
            sum = Add(sum, piece);
        }

        this[Register.Status] = readable ? 1u : 2u;
        this[Register.Sum] = readable ? ~sum : 0;
        Function.RaiseMsi(0);
    }

    private static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            sum ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum >> 1) ^ ((sum & 1) * 0xedb8_8320);
            }
        }

        return sum;
    }
}
