using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Tests.Checks;

/// <summary>Configuration spaces as a kernel would show them.</summary>
internal static class ConfigBytes
{
    public static byte[] Endpoint(int msi = 0, int msiX = 0, bool isMultifunction = false, PciExpressType? type = PciExpressType.Endpoint)
    {
        byte[] config = new byte[0x1000];
        config[PciHeader.HeaderType] = (byte)(isMultifunction ? 0x80 : 0);
        List<byte[]> capabilities = [];
        if (type is { } express)
        {
            capabilities.Add([PciCapabilityId.PciExpress, 0, (byte)((int)express << 4), 0]);
        }

        if (msi > 0)
        {
            capabilities.Add([PciCapabilityId.Msi, 0, (byte)(int.Log2(msi) << 1), 0]);
        }

        if (msiX > 0)
        {
            capabilities.Add([PciCapabilityId.MsiX, 0, (byte)((msiX - 1) & 0xff), (byte)((msiX - 1) >> 8), 0, 0, 0, 0, 0, 0, 0, 0]);
        }

        Chain(config, capabilities);
        return config;
    }

    public static byte[] Bridge(PciExpressType? type, byte secondary, bool acs)
    {
        byte[] config = new byte[0x1000];
        config[PciHeader.HeaderType] = PciHeader.TypeBridge;
        config[PciHeader.SecondaryBus] = config[PciHeader.SubordinateBus] = secondary;
        Chain(config, type is { } express ? [[PciCapabilityId.PciExpress, 0, (byte)((int)express << 4), 0]] : []);
        if (acs)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(config.AsSpan(0x100), 0x0001_000d);
            BinaryPrimitives.WriteUInt16LittleEndian(config.AsSpan(0x104), (ushort)AcsServices.Isolation);
            BinaryPrimitives.WriteUInt16LittleEndian(config.AsSpan(0x106), (ushort)AcsServices.Isolation);
        }

        return config;
    }

    private static void Chain(byte[] config, List<byte[]> capabilities)
    {
        config[PciHeader.Status] = (byte)(capabilities.Count > 0 ? 0x10 : 0);
        int at = 0x40, pointer = PciHeader.CapabilitiesPointer;
        foreach (byte[] capability in capabilities)
        {
            config[pointer] = (byte)at;
            capability.CopyTo(config, at);
            pointer = at + 1;
            at += 0x10;
        }
    }
}
