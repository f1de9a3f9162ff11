using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// A function as it was found on some machine: the bytes of its configuration space, and how large its BARs are, which those bytes do not
/// say. Its capabilities are those bytes; what was running on it (command register, MSI, MSI-X, power state) starts over.
/// </summary>
public sealed class CapturedFunction
{
    /// <summary>Where the expansion ROM stands in a list of sizes, as in the sysfs file <c>resource</c>.</summary>
    public const int RomIndex = 6;

    private const uint RomEnable = 1;
    private const uint RomMinimum = 2048;
    private const uint IoBit = 1;
    private const uint PrefetchableBit = 1 << 3;
    private const int BridgeRomAddress = 0x38;

    private readonly byte[] _config;

    private CapturedFunction(byte[] config, IReadOnlyList<PciBarDescription> bars, ulong romSize)
    {
        _config = config;
        Bars = bars;
        RomSize = romSize;
    }

    /// <summary>Its base address registers.</summary>
    public IReadOnlyList<PciBarDescription> Bars { get; }

    /// <summary>Bytes of its expansion ROM; 0 where it has none.</summary>
    public ulong RomSize { get; }

    /// <summary>The configuration space it starts with: 256 or 4096 bytes.</summary>
    public ReadOnlyMemory<byte> Config => _config;

    /// <summary>Type 1 header: it goes in as a bridge, with the buses its bytes name.</summary>
    public bool IsBridge => IsBridgeHeader(_config);

    /// <summary>Vendor ID.</summary>
    public ushort VendorId => BitConverter.ToUInt16(_config, PciHeader.VendorId);

    /// <summary>Device ID.</summary>
    public ushort DeviceId => BitConverter.ToUInt16(_config, PciHeader.DeviceId);

    /// <summary>Takes a function's bytes.</summary>
    /// <param name="name">What it is called in sentences.</param>
    /// <param name="config">256 or 4096 bytes, as sysfs shows them to root.</param>
    /// <param name="sizes">Bytes of BAR 0 to 5 and of the ROM (<see cref="RomIndex"/>), 0 for none; shorter lists mean none for the rest.</param>
    /// <returns>EINVAL with a sentence for bytes or sizes that no function could have.</returns>
    public static Result<CapturedFunction> Create(string name, ReadOnlySpan<byte> config, IReadOnlyList<ulong> sizes)
    {
        if (config.Length is not (PciHeader.ConventionalSize or PciHeader.ExpressSize))
        {
            return Result.Fail(Errno.EINVAL, $"{name}: expected {PciHeader.ConventionalSize} or {PciHeader.ExpressSize} bytes of configuration space, not {config.Length} (who is not root reads 64 from sysfs).");
        }

        byte[] bytes = config.ToArray();
        byte type = (byte)(bytes[PciHeader.HeaderType] & ~PciHeader.MultifunctionBit);
        if (type > PciHeader.TypeBridge || (bytes[0] & bytes[1]) == 0xff)
        {
            return Result.Fail(Errno.EINVAL, $"{name}: expected the configuration space of a device or a PCI-to-PCI bridge, not of {(type > PciHeader.TypeBridge ? $"header type {type}" : "a place where nothing answers")}.");
        }

        Result<List<PciBarDescription>> bars = ReadBars(name, bytes, sizes);
        if (!bars.IsOk)
        {
            return bars.WithoutValue;
        }

        ulong rom = sizes.Count > RomIndex ? sizes[RomIndex] : 0;
        if (rom != 0 && (!ulong.IsPow2(rom) || rom < RomMinimum || rom > 1 << 24))
        {
            return Result.Fail(Errno.EINVAL, $"{name}: expected an expansion ROM of 2K to 16M, a power of two, not 0x{rom:x} bytes.");
        }

        Result checkedCapabilities = CapturedCapabilities.StartOver(name, bytes, bars.Value);
        return checkedCapabilities.IsOk ? new CapturedFunction(bytes, bars.Value, rom) : checkedCapabilities;
    }

    /// <summary>A new configuration space with these bytes.</summary>
    public PciConfigSpace CreateConfigSpace()
    {
        var config = new PciConfigSpace(_config);
        if (RomSize != 0)
        {
            config.DefineWritable32(IsBridge ? BridgeRomAddress : PciHeader.RomAddress, (uint)~(RomSize - 1) | RomEnable);
        }

        return config;
    }

    internal static bool IsBridgeHeader(ReadOnlySpan<byte> config) =>
        (config[PciHeader.HeaderType] & ~PciHeader.MultifunctionBit) == PciHeader.TypeBridge;

    // What a BAR is stands in its low bits (PCIe base 7.5.1.2.1); how large it is only a write would tell.
    private static Result<List<PciBarDescription>> ReadBars(string name, byte[] config, IReadOnlyList<ulong> sizes)
    {
        int registers = IsBridgeHeader(config) ? PciHeader.BridgeBars : PciHeader.EndpointBars;
        var bars = new List<PciBarDescription>();
        for (int index = 0; index < registers; index++)
        {
            int register = PciHeader.Bar0 + (4 * index);
            ulong size = index < sizes.Count ? sizes[index] : 0;
            if (size == 0)
            {
                config.AsSpan(register, 4).Clear();
                continue;
            }

            uint value = BitConverter.ToUInt32(config, register);
            PciBarKind kind = (value & IoBit) != 0 ? PciBarKind.Io : (value & 6) == 4 ? PciBarKind.Memory64 : PciBarKind.Memory32;
            ulong least = kind == PciBarKind.Io ? 4u : 16u;
            ulong most = kind switch
            {
                PciBarKind.Io => 1UL << 16,
                PciBarKind.Memory64 => 1UL << 47,
                _ => 1UL << 31,
            };
            if (!ulong.IsPow2(size) || size < least || size > most)
            {
                return Result.Fail(Errno.EINVAL, $"{name}: expected BAR {index} to be a power of two from 0x{least:x} to 0x{most:x} bytes, not 0x{size:x}.");
            }

            if (kind == PciBarKind.Memory64 && (index + 1 == registers || (index + 1 < sizes.Count && sizes[index + 1] != 0)))
            {
                return Result.Fail(Errno.EINVAL, $"{name}: BAR {index} has 64 bits, so that the register after it is its upper half: expected one to be there, and no size for it.");
            }

            bars.Add(new PciBarDescription(index, size, kind, (value & PrefetchableBit) != 0 && kind != PciBarKind.Io));
            index += kind == PciBarKind.Memory64 ? 1 : 0;
        }

        return bars;
    }
}
