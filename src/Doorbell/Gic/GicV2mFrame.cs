using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>A GICv2m MSI frame (SBSA, appendix on GICv2m): a 4 KiB page whose MSI_SETSPI_NS raises the SPI that the payload names (M10).</summary>
/// <remarks>It does not look at who writes: any device that reaches the page raises any of the frame's SPIs. That is why handing devices out behind it is not safe (M2, V3).</remarks>
public sealed class GicV2mFrame : IBusTarget
{
    /// <summary>Offset of MSI_TYPER: SPI base in bits 25:16, count in bits 9:0.</summary>
    public const ulong TyperOffset = 0x8;

    /// <summary>Offset of MSI_SETSPI_NS.</summary>
    public const ulong SetSpiOffset = 0x40;

    /// <summary>Offset of MSI_IIDR: who made the frame.</summary>
    public const ulong IidrOffset = 0xfcc;

    /// <summary>Bytes the frame decodes.</summary>
    public const ulong FrameSize = 0x1000;

    private readonly GicDomain _gic;
    private readonly MsiReceiver _receiver;

    private GicV2mFrame(string name, PhysicalAddress @base, uint spiBase, uint spiCount, GicDomain gic, EventStream events)
    {
        Name = name;
        Base = @base;
        SpiBase = spiBase;
        SpiCount = spiCount;
        _gic = gic;
        _receiver = new MsiReceiver(name, events);
        Spis = new AlignedIdAllocator(spiBase, spiCount);
    }

    /// <summary>A frame.</summary>
    /// <param name="name">Name: <c>v2m@8020000</c>.</param>
    /// <param name="base">Physical base.</param>
    /// <param name="spiBase">INTID of its first SPI (MSI_TYPER, or arm,msi-base-spi).</param>
    /// <param name="spiCount">How many SPIs (MSI_TYPER, or arm,msi-num-spis).</param>
    /// <param name="gic">The GIC whose SPIs they are.</param>
    /// <param name="events">Where deliveries and refusals are told.</param>
    /// <returns>EINVAL when the SPIs are not all the GIC's.</returns>
    public static Result<GicV2mFrame> Create(string name, PhysicalAddress @base, uint spiBase, uint spiCount, GicDomain gic, EventStream events)
    {
        if (spiCount == 0 || !gic.IsSpi(spiBase) || spiCount > GicDomain.SpiLimit || !gic.IsSpi(spiBase + spiCount - 1))
        {
            return Result.Fail(
                Errno.EINVAL,
                $"{name} claims SPIs {spiBase} to {(ulong)spiBase + spiCount - 1}; {gic.Name} has {GicDomain.FirstSpi} to {GicDomain.FirstSpi + gic.Spis - 1} (M10).");
        }

        return new GicV2mFrame(name, @base, spiBase, spiCount, gic, events);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Physical base.</summary>
    public PhysicalAddress Base { get; }

    /// <summary>Physical address of MSI_SETSPI_NS: the doorbell.</summary>
    public PhysicalAddress Doorbell => Base + SetSpiOffset;

    /// <summary>INTID of its first SPI.</summary>
    public uint SpiBase { get; }

    /// <summary>How many SPIs it has.</summary>
    public uint SpiCount { get; }

    /// <summary>MSI_TYPER as software reads it.</summary>
    public uint Typer => (SpiBase << 16) | SpiCount;

    /// <summary>MSI_IIDR as software reads it: Arm's JEP106 code, product and revision 0. Drivers look for other makers' here, whose frames want another payload.</summary>
    public static uint Iidr => 0x43b;

    /// <summary>A 32-bit read by software: MSI_TYPER, MSI_IIDR; the doorbell is write only, and everything else reserved: both read as zero.</summary>
    public uint Read32(ulong offset) => offset switch
    {
        TyperOffset => Typer,
        IidrOffset => Iidr,
        _ => 0,
    };

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    /// <summary>MSIs that had to wait because their SPI was disabled.</summary>
    public long Pended => _receiver.Pending;

    internal AlignedIdAllocator Spis { get; }

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        if (write.Offset != SetSpiOffset)
        {
            return BusWriteOutcome.Ignored;
        }

        // Bits 9:0 name the SPI; the rest of the payload is not looked at.
        uint spi = write.Data & 0x3ff;
        if (spi - SpiBase >= SpiCount)
        {
            return _receiver.Refuse(write, _receiver.TellsRefusals ? $"SPI {spi} is not one of the frame's {SpiBase} to {SpiBase + SpiCount - 1}" : string.Empty);
        }

        if (!_receiver.Tracing && _gic.TryDeliver(spi, IntidSource.Frame))
        {
            return BusWriteOutcome.Delivered;
        }

        IrqDescriptor? irq = _gic.Find(spi);
        return irq is null
            ? _receiver.Refuse(write, _receiver.TellsRefusals ? $"SPI {spi} is allocated to nobody" : string.Empty)
            : _receiver.Raise(write, irq, spi, irq.Affinity);
    }
}
