namespace Doorbell.Machines;

/// <summary>One GICv2m frame: a page whose MSI_SETSPI_NS raises the SPI a device names (M10).</summary>
/// <param name="Base">The frame's page; 4 KiB aligned.</param>
/// <param name="SpiBase">INTID of its first SPI (MSI_TYPER 25:16), 32 to 1019.</param>
/// <param name="SpiCount">How many it owns (MSI_TYPER 9:0).</param>
public sealed record GicV2mFrameDescription(PhysicalAddress Base, uint SpiBase, uint SpiCount)
{
    /// <summary>Bytes of a frame.</summary>
    public const ulong FrameSize = 0x1000;

    /// <summary>MSI_SETSPI_NS in the frame.</summary>
    public const ulong SetSpiOffset = 0x40;

    /// <summary>MSI_SETSPI_NS: the doorbell.</summary>
    public PhysicalAddress Doorbell => Base + SetSpiOffset;

    /// <summary>INTID of its last SPI.</summary>
    public uint SpiLast => SpiBase + SpiCount - 1;
}
