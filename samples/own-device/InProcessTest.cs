using System.Buffers.Binary;
using System.Text;
using Doorbell;
using Doorbell.Fabric;
using Doorbell.Pci;

namespace OwnDevice;

/// <summary>The device alone: an array for memory, a list for interrupts. No machine, no IOMMU, no client.</summary>
internal static class InProcessTest
{
    public static int Run()
    {
        var memory = new Memory();
        var function = new PciFunction(new PciAddress(0, 1, 0, 0), new Crc32Device()) { Upstream = memory };
        function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);
        function.MsiX!.SetEnabled(true);
        function.MsiX.WriteEntry(0, 0x1000, 0, 7);
        function.MsiX.SetMask(0, false);

        Encoding.ASCII.GetBytes("123456789", memory.Bytes.AsSpan(0x80));
        Write(function, Crc32Device.Register.AddressLow, 0x80);
        Write(function, Crc32Device.Register.Length, 9);
        Check(Read(function, Crc32Device.Register.Status) == 1, "the sum is done");
        Check(Read(function, Crc32Device.Register.Sum) == 0xcbf4_3926, "the sum is the one every table of CRCs has");
        Check(memory.Messages is [7], "vector 0 was raised once");

        Write(function, Crc32Device.Register.AddressHigh, 1);
        Write(function, Crc32Device.Register.Length, 9);
        Check(Read(function, Crc32Device.Register.Status) == 2, "memory that is not there is said");
        Console.WriteLine("the device works");
        return 0;
    }

    private static void Write(PciFunction function, Crc32Device.Register register, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        function.WriteBar(0, (ulong)register, bytes);
    }

    private static uint Read(PciFunction function, Crc32Device.Register register)
    {
        Span<byte> bytes = stackalloc byte[4];
        function.ReadBar(0, (ulong)register, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"not so: {what}");
        }
    }

    private sealed class Memory : IRequester
    {
        public byte[] Bytes { get; } = new byte[4096];

        public List<uint> Messages { get; } = [];

        public bool Read(Iova iova, Span<byte> destination)
        {
            bool inside = iova.Value + (ulong)destination.Length <= (ulong)Bytes.Length;
            if (inside)
            {
                Bytes.AsSpan((int)iova.Value, destination.Length).CopyTo(destination);
            }

            return inside;
        }

        public bool Write(Iova iova, ReadOnlySpan<byte> source) => false;

        public bool WriteMsi(Iova iova, uint data)
        {
            Messages.Add(data);
            return true;
        }
    }
}
