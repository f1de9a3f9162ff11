using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Checks;

/// <summary>Capabilities in as much of a configuration space as could be read; every answer can be "not known", and nothing is read past the end.</summary>
internal static class ConfigReader
{
    private const int CapabilityListBit = 0x10;
    private const int FirstExtended = 0x100;
    private const int MostCapabilities = 48;
    private const int MostExtended = 480;

    /// <summary>Offset of a capability; 0 where the function has none; null where that could not be read.</summary>
    public static int? FindCapability(ReadOnlySpan<byte> config, byte id)
    {
        if (config.Length < PciHeader.Status + 2)
        {
            return null;
        }

        if ((config[PciHeader.Status] & CapabilityListBit) == 0)
        {
            return 0;
        }

        if (config.Length <= PciHeader.CapabilitiesPointer)
        {
            return null;
        }

        int offset = config[PciHeader.CapabilitiesPointer] & ~3;
        for (int i = 0; offset >= 0x40 && i < MostCapabilities; i++)
        {
            if (offset + 2 > config.Length)
            {
                return null;
            }

            if (config[offset] == id)
            {
                return offset;
            }

            offset = config[offset + 1] & ~3;
        }

        return 0;
    }

    /// <summary>Offset of an extended capability, likewise. A function without PCI Express has none.</summary>
    public static int? FindExtended(ReadOnlySpan<byte> config, ushort id)
    {
        int offset = FirstExtended;
        for (int i = 0; offset >= FirstExtended && i < MostExtended; i++)
        {
            if (offset + 4 > config.Length)
            {
                return null;
            }

            uint header = BinaryPrimitives.ReadUInt32LittleEndian(config[offset..]);
            if (header is 0 or uint.MaxValue)
            {
                return 0;
            }

            if ((ushort)header == id)
            {
                return offset;
            }

            offset = (int)(header >> 20) & ~3;
        }

        return 0;
    }

    /// <summary>Sixteen bits; null past the end of what was read.</summary>
    public static ushort? Read16(ReadOnlySpan<byte> config, int offset) =>
        offset >= 0 && offset + 2 <= config.Length ? BinaryPrimitives.ReadUInt16LittleEndian(config[offset..]) : null;

    /// <summary>Vectors of the MSI capability (PCI Local Bus 3.0, 6.8.1.3: Multiple Message Capable).</summary>
    public static int? MsiVectors(ReadOnlySpan<byte> config) => FindCapability(config, PciCapabilityId.Msi) switch
    {
        null => null,
        0 => 0,
        int offset => Read16(config, offset + 2) is { } control ? Math.Min(1 << ((control >> 1) & 7), 32) : null,
    };

    /// <summary>Vectors of the MSI-X capability (PCI Local Bus 3.0, 6.8.2.3: Table Size).</summary>
    public static int? MsiXVectors(ReadOnlySpan<byte> config) => FindCapability(config, PciCapabilityId.MsiX) switch
    {
        null => null,
        0 => 0,
        int offset => Read16(config, offset + 2) is { } control ? (control & 0x7ff) + 1 : null,
    };
}
