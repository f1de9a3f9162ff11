using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Hosts;

/// <summary>What a function's configuration space says that decides about its interrupts and its isolation.</summary>
/// <remarks>As much as could be read: 64 bytes without root say nothing of capabilities, 256 bytes nothing of extended ones.</remarks>
public sealed record HostCapabilities
{
    // No list is longer: the space after the header, in steps of four bytes.
    private const int MostCapabilities = 48;
    private const int MostExtended = (PciHeader.ExpressSize - PciHeader.ConventionalSize) / 8;

    /// <summary>The list of capabilities was read to its end: what is null is not there. False: not known.</summary>
    public bool IsKnown { get; private init; }

    /// <summary>The list of extended capabilities was read to its end, or the function is not PCI Express and has none: a null <see cref="Acs"/> is not there. False: not known.</summary>
    public bool IsExtendedKnown { get; private init; }

    /// <summary>Both lists are known.</summary>
    public bool IsComplete => IsKnown && IsExtendedKnown;

    /// <summary>The MSI capability.</summary>
    public HostMsi? Msi { get; private init; }

    /// <summary>The MSI-X capability.</summary>
    public HostMsiX? MsiX { get; private init; }

    /// <summary>What kind of device or port it is (PCIe base 7.5.3.2); null for conventional PCI.</summary>
    public PciExpressType? ExpressType { get; private init; }

    /// <summary>Access control services.</summary>
    public HostAcs? Acs { get; private init; }

    /// <summary>Reads them. Lists that loop or lead out of the space end where they do, and are then not known.</summary>
    public static HostCapabilities Read(HostFunction function) => Read(function.Config.Span);

    /// <summary>Reads them.</summary>
    /// <param name="config">Configuration space from its first byte on, as much as there is.</param>
    public static HostCapabilities Read(ReadOnlySpan<byte> config)
    {
        if (config.Length < PciHeader.End)
        {
            return new HostCapabilities();
        }

        var found = new HostCapabilities { IsKnown = true };
        if ((BinaryPrimitives.ReadUInt16LittleEndian(config[PciHeader.Status..]) & (ushort)PciStatus.CapabilityList) != 0)
        {
            found = ReadList(config, found);
        }

        return found.ExpressType is not null ? ReadExtended(config, found) : found with { IsExtendedKnown = found.IsKnown };
    }

    /// <summary>Offset of an extended capability, 0 where there is none in what could be read.</summary>
    internal static int FindExtended(ReadOnlySpan<byte> config, ushort id)
    {
        int offset = PciHeader.ConventionalSize;
        for (int i = 0; i < MostExtended && offset >= PciHeader.ConventionalSize && offset + 4 <= config.Length; i++)
        {
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

    /// <summary>Offset of a capability, 0 where there is none in what could be read.</summary>
    internal static int Find(ReadOnlySpan<byte> config, byte id)
    {
        int offset = FirstOf(config);
        for (int i = 0; i < MostCapabilities && offset >= PciHeader.End && offset + 2 <= config.Length; i++)
        {
            if (config[offset] == id)
            {
                return offset;
            }

            offset = config[offset + 1] & ~3;
        }

        return 0;
    }

    // A CardBus bridge has its pointer elsewhere.
    private static int FirstOf(ReadOnlySpan<byte> config) => config.Length < PciHeader.End ? 0 : config[(config[PciHeader.HeaderType] & 0x7f) == 2 ? 0x14 : PciHeader.CapabilitiesPointer] & ~3;

    private static HostCapabilities ReadList(ReadOnlySpan<byte> config, HostCapabilities found)
    {
        int offset = FirstOf(config);
        for (int i = 0; offset != 0; i++)
        {
            if (i == MostCapabilities || offset < PciHeader.End || offset + 2 > Math.Min(config.Length, PciHeader.ConventionalSize))
            {
                return found with { IsKnown = false };
            }

            ReadOnlySpan<byte> capability = config[offset..];
            found = capability[0] switch
            {
                PciCapabilityId.Msi when found.Msi is null && capability.Length >= 4 => found with { Msi = ReadMsi(offset, capability) },
                PciCapabilityId.MsiX when found.MsiX is null && capability.Length >= 12 => found with { MsiX = ReadMsiX(offset, capability) },
                PciCapabilityId.PciExpress when found.ExpressType is null && capability.Length >= 4 => found with { ExpressType = (PciExpressType)(capability[2] >> 4) },
                _ => found,
            };
            offset = capability[1] & ~3;
        }

        return found;
    }

    private static HostMsi ReadMsi(int offset, ReadOnlySpan<byte> capability)
    {
        ushort control = BinaryPrimitives.ReadUInt16LittleEndian(capability[2..]);
        return new HostMsi(offset, 1 << Math.Min((control >> 1) & 7, 5), (control & 0x80) != 0, (control & 0x100) != 0);
    }

    private static HostMsiX ReadMsiX(int offset, ReadOnlySpan<byte> capability)
    {
        uint table = BinaryPrimitives.ReadUInt32LittleEndian(capability[4..]), pending = BinaryPrimitives.ReadUInt32LittleEndian(capability[8..]);
        int vectors = (BinaryPrimitives.ReadUInt16LittleEndian(capability[2..]) & 0x7ff) + 1;
        return new HostMsiX(offset, vectors, (int)(table & 7), table & ~7u, (int)(pending & 7), pending & ~7u);
    }

    private static HostCapabilities ReadExtended(ReadOnlySpan<byte> config, HostCapabilities found)
    {
        int offset = PciHeader.ConventionalSize;
        for (int i = 0; i < MostExtended; i++)
        {
            if (offset < PciHeader.ConventionalSize || offset + 4 > config.Length)
            {
                return found;
            }

            uint header = BinaryPrimitives.ReadUInt32LittleEndian(config[offset..]);
            if ((ushort)header == PciExtendedCapabilityId.AccessControlServices && found.Acs is null && offset + 8 <= config.Length)
            {
                found = found with
                {
                    Acs = new HostAcs(offset, (AcsServices)BinaryPrimitives.ReadUInt16LittleEndian(config[(offset + 4)..]), (AcsServices)BinaryPrimitives.ReadUInt16LittleEndian(config[(offset + 6)..])),
                };
            }

            offset = (int)(header >> 20) & ~3;
            if (offset == 0 || header == uint.MaxValue)
            {
                return found with { IsExtendedKnown = true };
            }
        }

        return found;
    }
}
