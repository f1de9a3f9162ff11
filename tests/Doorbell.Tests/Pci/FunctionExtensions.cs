using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>Accesses as a driver writes them.</summary>
public static class FunctionExtensions
{
    public static uint Config32(this PciFunction function, int offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        function.ReadConfig(offset, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public static ushort Config16(this PciFunction function, int offset)
    {
        Span<byte> bytes = stackalloc byte[2];
        function.ReadConfig(offset, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public static void Config32(this PciFunction function, int offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        function.WriteConfig(offset, bytes);
    }

    public static void Config16(this PciFunction function, int offset, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        function.WriteConfig(offset, bytes);
    }

    public static uint Bar32(this PciFunction function, int bar, ulong offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        function.ReadBar(bar, offset, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public static ulong Bar64(this PciFunction function, int bar, ulong offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        function.ReadBar(bar, offset, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public static void Bar32(this PciFunction function, int bar, ulong offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        function.WriteBar(bar, offset, bytes);
    }

    public static void Bar64(this PciFunction function, int bar, ulong offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        function.WriteBar(bar, offset, bytes);
    }

    /// <summary>pci_enable_device and pci_set_master.</summary>
    public static void Enable(this PciFunction function) =>
        function.SetCommand(PciCommand.MemorySpace | PciCommand.IoSpace | PciCommand.BusMaster);
}
