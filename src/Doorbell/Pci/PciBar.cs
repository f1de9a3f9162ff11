namespace Doorbell.Pci;

/// <summary>A base address register of a function: it answers sizing as hardware does and holds the address the machine gave it.</summary>
public sealed class PciBar
{
    private const uint IoSpaceBit = 1;
    private const uint Memory64Bits = 2 << 1;
    private const uint PrefetchableBit = 1 << 3;
    private const uint MemoryAddressMask = ~0xfu;
    private const uint IoAddressMask = ~3u;

    private readonly PciConfigSpace _config;
    private readonly int _register;

    internal PciBar(PciConfigSpace config, PciBarDescription description, int bars)
    {
        int registers = description.Kind == PciBarKind.Memory64 ? 2 : 1;
        if (description.Index < 0 || description.Index + registers > bars)
        {
            throw new ArgumentOutOfRangeException(nameof(description), description.Index, $"the function has {bars} BAR registers");
        }

        ulong minimum = description.Kind == PciBarKind.Io ? 4u : 16u;
        bool tooLarge = description.Kind != PciBarKind.Memory64 && description.Size > 1UL << 31;
        if (!ulong.IsPow2(description.Size) || description.Size < minimum || tooLarge)
        {
            throw new ArgumentOutOfRangeException(nameof(description), description.Size, "a BAR's size is a power of two that its registers can express");
        }

        _config = config;
        Index = description.Index;
        Kind = description.Kind;
        Size = description.Size;
        Prefetchable = description.Prefetchable && Kind != PciBarKind.Io;
        _register = PciHeader.Bar0 + (4 * Index);

        uint flags = Kind switch
        {
            PciBarKind.Io => IoSpaceBit,
            PciBarKind.Memory64 => Memory64Bits,
            _ => 0,
        };
        flags |= Prefetchable ? PrefetchableBit : 0;
        uint fixedBits = Kind == PciBarKind.Io ? 3u : 0xf;
        config.Define32(_register, (config.Read32(_register) & ~fixedBits) | flags);

        // Sizing (7.5.1.2.1): the address bits below the size are wired to zero, all others hold what is written.
        config.DefineWritable32(_register, (uint)~(Size - 1) & ~fixedBits);
        if (Kind == PciBarKind.Memory64)
        {
            config.DefineWritable32(_register + 4, (uint)(~(Size - 1) >> 32));
        }
    }

    /// <summary>0 to 5.</summary>
    public int Index { get; }

    /// <summary>What it decodes.</summary>
    public PciBarKind Kind { get; }

    /// <summary>Bytes.</summary>
    public ulong Size { get; }

    /// <summary>Reads have no side effects.</summary>
    public bool Prefetchable { get; }

    /// <summary>True for memory, false for I/O.</summary>
    public bool IsMemory => Kind != PciBarKind.Io;

    /// <summary>The address in the register now, on the bus.</summary>
    public ulong Address => Kind switch
    {
        PciBarKind.Io => _config.Read32(_register) & IoAddressMask,
        PciBarKind.Memory64 => ((ulong)_config.Read32(_register + 4) << 32) | (_config.Read32(_register) & MemoryAddressMask),
        _ => _config.Read32(_register) & MemoryAddressMask,
    };

    /// <summary>Places the BAR, as firmware does; the address outlives a reset.</summary>
    /// <param name="address">On the bus; a multiple of the size, below 4 GiB unless the BAR is 64 bits wide.</param>
    public Result Place(ulong address)
    {
        if ((address & (Size - 1)) != 0)
        {
            return Result.Fail(Errno.EINVAL, $"BAR {Index} of 0x{Size:x} bytes cannot lie at 0x{address:x}: addresses are multiples of the size");
        }

        if (Kind != PciBarKind.Memory64 && address + (Size - 1) > uint.MaxValue)
        {
            return Result.Fail(Errno.EINVAL, $"BAR {Index} has 32 address bits and cannot lie at 0x{address:x}");
        }

        _config.Define32(_register, (_config.Read32(_register) & (Kind == PciBarKind.Io ? ~IoAddressMask : ~MemoryAddressMask)) | (uint)address);
        if (Kind == PciBarKind.Memory64)
        {
            _config.Define32(_register + 4, (uint)(address >> 32));
        }

        return Result.Ok;
    }
}
