using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// <c>captured</c>: a function built from the configuration space of one that was found somewhere. Its registers read as zero and ignore
/// writes; a class derived from it can give them behaviour.
/// </summary>
public class CapturedDevice : PciDeviceModel
{
    private const ulong LargestMapped = 64 << 20;

    private readonly CapturedFunction _function;

    /// <summary>The device.</summary>
    /// <param name="function">A function with a type 0 header; a bridge is no device and throws.</param>
    public CapturedDevice(CapturedFunction function)
    {
        if (function.IsBridge)
        {
            throw new ArgumentException("a bridge is no device", nameof(function));
        }

        _function = function;
        ReadOnlySpan<byte> config = function.Config.Span;
        Description = new PciDeviceDescription
        {
            VendorId = function.VendorId,
            DeviceId = function.DeviceId,
            ClassCode = config[PciHeader.ClassCode] | ((uint)config[PciHeader.ClassCode + 1] << 8) | ((uint)config[PciHeader.ClassCode + 2] << 16),
            RevisionId = config[PciHeader.RevisionId],
            SubsystemVendorId = (ushort)(config[PciHeader.SubsystemVendorId] | (config[PciHeader.SubsystemVendorId + 1] << 8)),
            SubsystemId = (ushort)(config[PciHeader.SubsystemId] | (config[PciHeader.SubsystemId + 1] << 8)),
            InterruptPin = config[PciHeader.InterruptPin],
            Bars = function.Bars,
            IsExpress = config.Length == PciHeader.ExpressSize,
        };
    }

    /// <inheritdoc/>
    public override string Name => "captured";

    /// <inheritdoc/>
    /// <remarks>Identity and BARs only: interrupts and capabilities are in the captured bytes.</remarks>
    public override PciDeviceDescription Description { get; }

    /// <inheritdoc/>
    public sealed override bool HasFixedConfigSpace => true;

    /// <inheritdoc/>
    /// <remarks>
    /// Every memory BAR of up to 64 MiB, whole, as vfio-pci offers them; what a client stores in one stays there unless a register behind it acts. It is
    /// memory that is taken for as long as the device is there, so that a graphics card's larger ones are left to calls.
    /// </remarks>
    public override IReadOnlyList<PciMappableRange> MappableRanges => [.. _function.Bars.Where(static bar => bar.Kind != PciBarKind.Io && bar.Size <= LargestMapped).Select(static bar => new PciMappableRange(bar.Index, 0, bar.Size))];

    /// <inheritdoc/>
    public override void ReadBar(int bar, ulong offset, Span<byte> destination) => destination.Clear();

    /// <inheritdoc/>
    public override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
    }

    /// <inheritdoc/>
    public override void Reset()
    {
    }

    /// <inheritdoc/>
    protected internal sealed override PciConfigSpace CreateConfigSpace() => _function.CreateConfigSpace();
}
