using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>A host's page size: what its kernel told a program, else its configuration.</summary>
internal static class HostPageSize
{
    public const ulong AtPageSize = 6; // AT_PAGESZ, linux/auxvec.h

    public static ulong? Read(HostReading reading, HostKernel kernel, MachineArchitecture? architecture)
    {
        if (reading.Files.TryRead(HostPaths.AuxiliaryVector, out byte[] vector) == HostFileStatus.Read && FromVector(vector) is { } told)
        {
            return told;
        }

        if (kernel.Configuration is { } configuration && FromConfiguration(configuration) is { } configured)
        {
            return configured;
        }

        if (architecture == MachineArchitecture.X86)
        {
            return 0x1000; // x86 has no other
        }

        reading.Miss("its page size", HostPaths.AuxiliaryVector, HostRemedies.CaptureAgain);
        return null;
    }

    // Pairs of key and value, 64 bits each, in the order of a little-endian host's bytes; a key of 0 ends them.
    private static ulong? FromVector(ReadOnlySpan<byte> vector)
    {
        for (; vector.Length >= 16; vector = vector[16..])
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(vector[8..]);
            if (BinaryPrimitives.ReadUInt64LittleEndian(vector) == AtPageSize)
            {
                return BitOperations.IsPow2(value) && value is >= 0x1000 and <= 0x1_0000 ? value : null;
            }
        }

        return null;
    }

    private static ulong? FromConfiguration(IReadOnlyDictionary<string, string> configuration)
    {
        if (configuration.TryGetValue("CONFIG_PAGE_SHIFT", out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int shift) && shift is >= 12 and <= 16)
        {
            return 1UL << shift;
        }

        return configuration.ContainsKey("CONFIG_ARM64_4K_PAGES") ? 0x1000
            : configuration.ContainsKey("CONFIG_ARM64_16K_PAGES") ? 0x4000
            : configuration.ContainsKey("CONFIG_ARM64_64K_PAGES") ? 0x1_0000
            : null;
    }
}
