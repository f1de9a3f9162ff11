using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>A device of plain memory: one array a BAR.</summary>
public sealed class PlainModel : PciDeviceModel
{
    private readonly byte[][] _bars;

    public PlainModel(PciDeviceDescription description)
    {
        Description = description;
        _bars = new byte[6][];
        foreach (PciBarDescription bar in description.Bars)
        {
            _bars[bar.Index] = new byte[Math.Min(bar.Size, 65536)];
        }
    }

    public static PciDeviceDescription Simple => new()
    {
        VendorId = 0x1234,
        DeviceId = 0x5678,
        ClassCode = 0xff0102,
        RevisionId = 7,
        SubsystemVendorId = 0xabcd,
        SubsystemId = 0xef01,
        InterruptPin = 1,
        Bars =
        [
            new PciBarDescription(0, 0x4000, PciBarKind.Memory64, Prefetchable: true),
            new PciBarDescription(2, 0x1000, PciBarKind.Memory32),
            new PciBarDescription(3, 32, PciBarKind.Io),
            new PciBarDescription(4, 1UL << 33, PciBarKind.Memory64),
        ],
        MsiX = new MsiXDescription(70, 0, 0x1000, 0, 0x2008),
        MsiVectors = 4,
        MsiPerVectorMask = true,
    };

    public int Resets { get; private set; }

    public List<(int Bar, ulong Offset, int Length)> Accesses { get; } = [];

    public override string Name => "plain";

    public override PciDeviceDescription Description { get; }

    public override void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        Accesses.Add((bar, offset, destination.Length));
        _bars[bar].AsSpan((int)offset, destination.Length).CopyTo(destination);
    }

    public override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        Accesses.Add((bar, offset, source.Length));
        source.CopyTo(_bars[bar].AsSpan((int)offset));
    }

    public override void Reset() => Resets++;
}
