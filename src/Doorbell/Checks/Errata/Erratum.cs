using Doorbell.Hosts;
using Doorbell.Iommu;

namespace Doorbell.Checks.Errata;

/// <summary>A flaw of hardware that changes whether a device can be handed over, or at which IOVAs.</summary>
public sealed record Erratum
{
    // IHI 0069, 12.11: the page with GITS_TRANSLATER, which Linux reserves whole.
    private const ulong FrameSize = 0x1_0000;

    /// <summary>Its name: <c>hisilicon-161010801</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The hardware that has it.</summary>
    public required string Title { get; init; }

    /// <summary>What it changes.</summary>
    public required ErratumEffect Effect { get; init; }

    /// <summary>Whom it concerns.</summary>
    public ErratumScope Scope { get; init; }

    /// <summary>What it means, a clause for people.</summary>
    public required string Sentence { get; init; }

    /// <summary>Where it was read.</summary>
    public required string Source { get; init; }

    /// <summary>Products of IOMMUs that have it (<see cref="FirmwareIommu.Product"/>).</summary>
    public IReadOnlyList<string> IommuProducts { get; init; } = [];

    /// <summary>Products of MSI controllers that have it (<see cref="FirmwareMsiController.Product"/>).</summary>
    public IReadOnlyList<string> MsiProducts { get; init; } = [];

    /// <summary>Vendor of PCI functions that have it; 0 where none does.</summary>
    public ushort VendorId { get; init; }

    /// <summary>Their device IDs.</summary>
    public IReadOnlyList<ushort> DeviceIds { get; init; } = [];

    /// <summary>First revision with it.</summary>
    public byte FirstRevision { get; init; }

    /// <summary>Last revision with it.</summary>
    public byte LastRevision { get; init; } = 0xff;

    /// <summary>Base class and subclass of such a function; null: any.</summary>
    public ushort? Class { get; init; }

    /// <summary>What an erratum of effect <see cref="ErratumEffect.HardwareMsi"/> reserves: the doorbell's 64 KiB frame, of type <see cref="ReservedRegionType.Msi"/>.</summary>
    /// <param name="doorbell">Physical address devices write to.</param>
    public static ReservedRegion RegionOf(ulong doorbell) => new(new Iova(doorbell & ~(FrameSize - 1)), FrameSize, ReservedRegionType.Msi);

    internal bool Has(HostFunction function)
    {
        if (VendorId == 0 || function.VendorId != VendorId || !DeviceIds.Contains(function.DeviceId) || (Class is { } @class && function.ClassCode >> 8 != @class))
        {
            return false;
        }

        // PCI 3.0, 6.2.1: the revision is byte 8. Where it could not be read and matters, nothing is said.
        bool isAny = FirstRevision == 0 && LastRevision == 0xff;
        return isAny || (function.Config.Length > 8 && function.Config.Span[8] >= FirstRevision && function.Config.Span[8] <= LastRevision);
    }
}
