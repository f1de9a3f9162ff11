using Doorbell.Fabric;

namespace Doorbell.Gic;

/// <summary>
/// A pre-ITS: some SoCs' interconnects carry no DeviceID, and put one in by the address that is written to, a word a DeviceID (Devicetree property
/// socionext,synquacer-pre-its; Linux, its_enable_quirk_socionext_synquacer).
/// </summary>
/// <remarks>So who writes is whoever the address says: the ITS behind it isolates nobody (M2).</remarks>
public sealed class PreItsWindow(GicV3Its its, PhysicalAddress @base, ulong size) : IBusTarget
{
    /// <inheritdoc/>
    public string Name => its.Name;

    /// <summary>The first word: DeviceID 0's.</summary>
    public PhysicalAddress Base { get; } = @base;

    /// <summary>Bytes.</summary>
    public ulong Size { get; } = size;

    /// <summary>Where a device writes.</summary>
    public PhysicalAddress DoorbellOf(DeviceId device) => Base + ((ulong)device.Value << 2);

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write) =>
        its.Write32(write with { Offset = GicV3Its.TranslaterOffset, DeviceId = new DeviceId((uint)(write.Offset >> 2)) });
}
