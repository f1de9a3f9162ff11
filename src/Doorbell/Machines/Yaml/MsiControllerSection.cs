using System.Numerics;
using Doorbell.Gic;
using Doorbell.X86;

namespace Doorbell.Machines.Yaml;

/// <summary>An element of <c>msi-controllers</c>.</summary>
internal static class MsiControllerSection
{
    private enum ControllerType
    {
        GicV3Its,
        GicV2m,
        Apic,
    }

    public static MsiControllerDescription Read(YamlMappingReader reader, MemoryClaims claims, MachineArchitecture architecture)
    {
        string name = claims.ReadName(reader);
        ControllerType type = architecture == MachineArchitecture.X86
            ? reader.OneOf("type", ("apic", ControllerType.Apic))
            : reader.OneOf("type", ("gicv3-its", ControllerType.GicV3Its), ("gicv2m", ControllerType.GicV2m));
        MsiControllerDescription controller = type switch
        {
            ControllerType.GicV3Its => ReadIts(reader, claims, name),
            ControllerType.GicV2m => ReadV2m(reader, claims, name),
            _ => ReadApic(reader, claims, name),
        };
        reader.Finish();
        return controller;
    }

    private static ApicDescription ReadApic(YamlMappingReader reader, MemoryClaims claims, string name)
    {
        claims.Claim(reader, "name", InterruptAddress.Base, InterruptAddress.Size, $"interrupt address range of {name}");
        return new ApicDescription { Name = name };
    }

    private static GicV3ItsDescription ReadIts(YamlMappingReader reader, MemoryClaims claims, string name)
    {
        PhysicalAddress start = claims.ReadFrame(reader, $"ITS {name}", GicV3ItsDescription.FrameSize, alignment: 0x1_0000);
        MemoryRange? preIts = ReadPreIts(reader, claims, name);

        // A word a DeviceID.
        int most = preIts is { } window ? BitOperations.Log2(window.Size) - 2 : 32;
        return new GicV3ItsDescription
        {
            Name = name,
            Base = start,
            PreIts = preIts,
            DeviceIdBits = (int)reader.Number("device-id-bits", $"a number of bits from 1 to {most}", 1, (ulong)most, (ulong)Math.Min(most, 16)),
            EventIdBits = (int)reader.Number("event-id-bits", $"a number of bits from 1 to {GicV3Its.MaxEventIdBits}", 1, GicV3Its.MaxEventIdBits, 16),
            IntIdBits = (int)reader.Number("intid-bits", "a number of bits from 14 to 24", 14, 24, 16),
        };
    }

    private static MemoryRange? ReadPreIts(YamlMappingReader reader, MemoryClaims claims, string name)
    {
        if (reader.Mapping("pre-its", "a mapping of base and size", optional: true) is not { } window)
        {
            return null;
        }

        MemoryRange range = claims.Read(window, $"pre-ITS of {name}", alignment: 0x1000);
        if (!BitOperations.IsPow2(range.Size))
        {
            window.Fail("size", $"expected a power of two, a word a DeviceID, not 0x{range.Size:x}.");
        }

        window.Finish();
        return range;
    }

    private static GicV2mDescription ReadV2m(YamlMappingReader reader, MemoryClaims claims, string name)
    {
        var frames = new List<GicV2mFrameDescription>();
        foreach (YamlMappingReader item in reader.Mappings("frames", "frame", optional: false))
        {
            PhysicalAddress start = claims.ReadFrame(item, $"GICv2m frame {item.Path}", GicV2mFrameDescription.FrameSize, alignment: 0x1000);
            uint spiBase = (uint)item.Number("spi-base", "the INTID of an SPI, from 32 to 1019", 32, 1019);
            uint spiCount = (uint)item.Number("spi-count", "a number of SPIs that ends at INTID 1019 or before", 1, 1020 - spiBase);
            var frame = new GicV2mFrameDescription(start, spiBase, spiCount);
            if (frames.Find(other => other.SpiBase <= frame.SpiLast && frame.SpiBase <= other.SpiLast) is { } shared)
            {
                item.Fail("spi-base", $"SPIs {frame.SpiBase} to {frame.SpiLast} overlap those of the frame at {shared.Base}, {shared.SpiBase} to {shared.SpiLast}: expected SPIs of its own.");
            }

            frames.Add(frame);
            item.Finish();
        }

        return new GicV2mDescription { Name = name, MsiFrames = frames };
    }
}
