using Doorbell.Iommu;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <content>Container, IOMMU, window, memory.</content>
internal sealed partial class Walk
{
    private const ulong PreferredWindow = 0x0c00_0000;
    private const ulong PreferredMemory = 0x10_0000;

    private Result<VfioDevice> Assign(VfioContainer container, VfioGroup group)
    {
        _account.Begin(StepKind.Assign, "Assign");
        Result joined = group.SetContainer(container);
        if (!joined.IsOk)
        {
            return Refused("VFIO_GROUP_SET_CONTAINER", joined);
        }

        Result set = container.SetIommu(VfioIommuType.Type1v2);
        if (!set.IsOk)
        {
            return Refused("VFIO_SET_IOMMU", set);
        }

        if (_events.OfType<UnsafeInterruptsAllowed>().FirstOrDefault() is { } allowed)
        {
            _account.Fact($"UNSAFE, and allowed (V3): allow_unsafe_interrupts is set, so group {allowed.Group} is handed over although nothing behind {allowed.Controller} checks who writes.");
        }

        Type1Info info = container.GetInfo().Value;
        _account.Fact(
            $"VFIO_SET_IOMMU (type1v2): pages of {string.Join(", ", PageSizes(info.PageSizes))}; the user may map {string.Join(" and ", info.UsableRanges.Select(range => $"{range.First}-{range.Last}"))}.",
            "info",
            ("page_sizes", Cell.Hex(info.PageSizes)),
            ("usable_ranges", string.Join(' ', info.UsableRanges.Select(range => $"{range.First}-{range.Last}"))));
        Result<VfioDevice> device = group.OpenDevice(_device.Name);
        if (!device.IsOk)
        {
            return Refused("VFIO_GROUP_GET_DEVICE_FD", device.WithoutValue);
        }

        // What a driver does first: without it the function may not write (PCIe base 7.5.1.1.3).
        _device.Function.SetCommand(_device.Function.Command | PciCommand.BusMaster);
        _account.Fact($"VFIO_GROUP_GET_DEVICE_FD: {_device.Name} is open, reset, and may write (bus master).");
        _account.End();
        return device;
    }

    private Result Refused(string call, Result refusal)
    {
        _account.Fact($"{call}: {refusal.Errno}. {refusal.Reason}");
        _account.End();
        return refusal;
    }

    // Where doorbells get their IOVAs, and who says so (I3, I9, V1).
    private void GetWindow(VfioContainer container, IommuDomain? domain)
    {
        _account.Begin(StepKind.Window, "The window for doorbells");
        Type1Info info = container.GetInfo().Value;
        if (domain is not { MsiMapping: true })
        {
            _account.Fact($"{domain?.Iommu.Name ?? "no IOMMU"} does not translate MSI writes (MSI mapping: no, I1), so no doorbell needs a mapping (M7).", "msi_mapping", ("msi_mapping", "no"));
            foreach (ReservedRegion region in _device.ReservedRegions.Where(static region => region.Type == ReservedRegionType.Msi))
            {
                _account.Fact($"Writes to {region.Base}-{region.Last} are taken as MSIs before translation; the user may map nothing there.", "hardware_msi", ("first", region.Base), ("last", region.Last));
            }
        }
        else
        {
            _account.Fact($"{domain.Iommu.Name} translates MSI writes like any other (MSI mapping: yes, I1): a doorbell needs an IOVA.", "msi_mapping", ("msi_mapping", "yes"));
            if (info.MsiRequirement is { } requirement)
            {
                Register(container, info, requirement);
            }
        }

        Tell(domain?.ReservedIovas, info);
        foreach (ReservedRegion region in _device.ReservedRegions.Where(static region => region.Type is ReservedRegionType.Direct or ReservedRegionType.Reserved))
        {
            _account.Fact($"{region.Base}-{region.Last} is reserved as well ({region.Type}).", "reserved", ("first", region.Base), ("last", region.Last), ("type", region.Type.ToString()));
        }

        _account.End();
    }

    private void Register(VfioContainer container, Type1Info info, MsiRequirement requirement)
    {
        _account.Fact(
            $"VFIO_IOMMU_GET_INFO (V2): the user has to give {Plural(requirement.Pages, "page")} of 0x{requirement.PageSize:x} bytes for the doorbells of this container's devices.",
            "requirement",
            ("pages", requirement.Pages),
            ("page_size", Cell.Hex(requirement.PageSize)));
        Iova iova = Pick(info, PreferredWindow, requirement.Size);
        Result registered = container.MapDma(VfioMapFlags.MsiReservedIova, 0, iova, requirement.Size, _memory);
        Expect(registered, "VFIO_IOMMU_MAP_DMA with MSI_RESERVED_IOVA");
        if (registered.IsOk)
        {
            _account.Fact($"VFIO_IOMMU_MAP_DMA with MSI_RESERVED_IOVA (V1): IOVA {iova}, 0x{requirement.Size:x} bytes; no memory is behind it.");
        }
    }

    private void Tell(ReservedIovaDomain? window, Type1Info info)
    {
        if (window is null)
        {
            return;
        }

        bool isHosts = _device.ReservedRegions.Any(region => region.Type == ReservedRegionType.SoftwareMsi && region.Base == window.Base && region.Size == window.Size);
        string from = info.MsiRequirement is not null ? "registered by the user (V1)"
            : !isHosts ? "the domain's"
            : window.Base == ReservedRegion.DefaultSoftwareMsi.Base && window.Size == ReservedRegion.DefaultSoftwareMsi.Size ? "the host's own: mainline's default for Arm SMMUs (sw-msi, I9)"
            : "the host's own: msi-window in the machine's description (sw-msi, I9)";
        var table = new AccountTable("window", new("first", "first IOVA"), new("last", "last IOVA"), new("granule", "granule"), new("from", "where it is from"), new("kept", "a doorbell stays mapped"));
        table.Add(window.Base, window.Last, Cell.Hex(1UL << window.Order), from, window.Retention == DoorbellRetention.UntilLastReference ? "until its last reference goes (I7)" : "until the domain goes (I9)");
        _account.Table(table);
    }

    private void MapMemory(VfioContainer container)
    {
        _account.Begin(StepKind.Map, "Map memory");
        Iova iova = Pick(container.GetInfo().Value, PreferredMemory, ClientSize);
        Result mapped = container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, ClientAddress, iova, ClientSize, _memory);
        Expect(mapped, "VFIO_IOMMU_MAP_DMA");
        if (mapped.IsOk)
        {
            _account.Fact(
                $"VFIO_IOMMU_MAP_DMA: the device sees {ClientSize / 1024} KiB of the client's memory, 0x{ClientAddress:x}, at IOVA {iova}.",
                "mapping",
                ("iova", iova),
                ("size", Cell.Hex(ClientSize)),
                ("vaddr", Cell.Hex(ClientAddress)));
        }

        _account.End();
    }

    // As a client does: where it would like to be if that is usable, else at the start of the first range with room.
    private static Iova Pick(Type1Info info, ulong preferred, ulong size)
    {
        foreach (IovaRange range in info.UsableRanges)
        {
            if (range.First.Value <= preferred && preferred + (size - 1) <= range.Last.Value)
            {
                return new Iova(preferred);
            }
        }

        ulong mask = (info.PageSizes & ~(info.PageSizes - 1)) - 1;
        foreach (IovaRange range in info.UsableRanges)
        {
            ulong first = (range.First.Value + mask) & ~mask;
            if (first >= range.First.Value && first <= range.Last.Value && range.Last.Value - first >= size - 1)
            {
                return new Iova(first);
            }
        }

        return new Iova(preferred);
    }

    private static IEnumerable<string> PageSizes(ulong bitmap)
    {
        for (int bit = 0; bit < 64; bit++)
        {
            if ((bitmap >> bit & 1) != 0)
            {
                yield return bit >= 30 ? $"{1UL << (bit - 30)} GiB" : bit >= 20 ? $"{1UL << (bit - 20)} MiB" : $"{1UL << (bit - 10)} KiB";
            }
        }
    }
}
