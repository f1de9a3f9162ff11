using System.Numerics;
using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>Where doorbells get their IOVAs: mainline's cookie, or the window the user registers in the series' uAPI (V1, V2).</summary>
internal sealed partial class Type1Iommu
{
    private MsiWindow? _window;

    private bool IsV6 => host.Options.Uapi == VfioUapi.ReservedIovaV6;

    // V2. Two devices behind one controller write to the same pages, so pages are counted and not devices.
    private MsiRequirement? GetMsiRequirement()
    {
        ulong page = SmallestPage;
        HashSet<ulong> pages = [];
        bool isRequired = false;
        foreach (Type1Domain domain in _domains)
        {
            if (domain.Domain.MsiMapping)
            {
                isRequired = true;
                foreach (PassthroughDevice device in domain.Groups.SelectMany(static group => group.Devices))
                {
                    pages.UnionWith((device.MsiDomain?.DoorbellsOf(device.DeviceId) ?? []).Select(doorbell => doorbell.Value & ~(page - 1)));
                }
            }
        }

        return IsV6 && isRequired ? new MsiRequirement((uint)Math.Max(1, pages.Count), page) : null;
    }

    // V1: no memory behind it, nothing pinned; READ, WRITE and vaddr say nothing here.
    private Result Register(Iova iova, ulong size)
    {
        ulong page = SmallestPage;
        if (size == 0 || ((size | iova.Value) & (page - 1)) != 0)
        {
            return RefuseWindow(Errno.EINVAL, "V1", iova, size, $"iova and size must be non-zero multiples of the IOMMU's smallest page, 0x{page:x}");
        }

        if (iova.Value + (size - 1) < iova.Value)
        {
            return RefuseWindow(Errno.EINVAL, "V1", iova, size, "the range wraps around the end of the address space");
        }

        if (_window is { } window)
        {
            return RefuseWindow(Errno.EEXIST, "V1", iova, size, $"the container has its window already, {window.Iova}-{window.Last}, and there is one");
        }

        if (_mappings.FirstIn(iova, iova + (size - 1)) is { } mapping)
        {
            return RefuseWindow(Errno.EEXIST, "N5", iova, size, $"{mapping.Iova}-{mapping.Last} is mapped already", "Unmap it first, or put the window elsewhere.");
        }

        if (_mappings.Count == MappingLimit)
        {
            return RefuseWindow(Errno.ENOSPC, null, iova, size, $"the container has {MappingLimit} mappings, its limit");
        }

        if (!IsUsable(iova, iova + (size - 1)))
        {
            return RefuseUnusable(iova, size);
        }

        // No domain that takes it is no success: the user would believe that his vectors have a window.
        if (!_domains.Exists(static domain => domain.Domain.MsiMapping))
        {
            return RefuseWindow(Errno.EINVAL, "V1", iova, size, "no IOMMU of this container translates MSIs, so none needs a window (I1)");
        }

        return RegisterChecked(new MsiWindow(iova, size));
    }

    private Result RegisterChecked(MsiWindow window)
    {
        for (int i = 0; i < _domains.Count; i++)
        {
            Result given = GiveWindow(_domains[i].Domain, window);
            if (!given.IsOk)
            {
                while (--i >= 0)
                {
                    _domains[i].Domain.FreeReservedIovaDomain();
                }

                return RefuseWindow(given.Errno, "I3", window.Iova, window.Size, given.Reason);
            }
        }

        _mappings.Add(window);
        _window = window;
        return Result.Ok;
    }

    // Taken back by unmapping exactly it, while no doorbell is bound in it: a device would go on writing to a message that leads nowhere (N1).
    private Result<ulong> Unregister(MsiWindow window)
    {
        foreach (Type1Domain domain in _domains)
        {
            if (domain.Domain.ReservedIovas is { ReferenceCount: > 0 } bound)
            {
                return host.Refuse(
                    "VFIO_IOMMU_UNMAP_DMA",
                    container,
                    Errno.EBUSY,
                    "N1",
                    $"unmapping the window {window.Iova}-{window.Last}: {bound.ReferenceCount} references to doorbells are held in it at {domain.Domain.Iommu.Name}",
                    "Disarm the vectors first (VFIO_DEVICE_SET_IRQS with count 0).");
            }
        }

        DropWindow();
        return window.Size;
    }

    private void DropWindow()
    {
        if (_window is { } window)
        {
            foreach (Type1Domain domain in _domains)
            {
                domain.Domain.FreeReservedIovaDomain();
            }

            _mappings.Remove(window);
            _window = null;
        }
    }

    // What a new domain begins with: mainline's cookie (I9) is there from the first group on, the user's window where he has registered one.
    private Result GiveWindow(IommuDomain domain, List<ReservedRegion> reserved)
    {
        if (IsV6)
        {
            return _window is null ? Result.Ok : GiveWindow(domain, _window);
        }

        if (!domain.MsiMapping || reserved.FindIndex(static region => region.Type == ReservedRegionType.SoftwareMsi) is not (>= 0 and int index))
        {
            return Result.Ok;
        }

        return domain.AllocateReservedIovaDomain(reserved[index].Base, reserved[index].Size, OrderOf(domain), DoorbellRetention.UntilDomainFreed);
    }

    // A domain past which MSIs go needs none (M7).
    private static Result GiveWindow(IommuDomain domain, MsiWindow window) => domain.MsiMapping
        ? domain.AllocateReservedIovaDomain(window.Iova, window.Size, OrderOf(domain), DoorbellRetention.UntilLastReference)
        : Result.Ok;

    private static int OrderOf(IommuDomain domain) => BitOperations.TrailingZeroCount(domain.PageSizes);

    private Result RefuseWindow(Errno errno, string? rule, Iova iova, ulong size, string reason, string? remedy = null) =>
        host.Refuse("VFIO_IOMMU_MAP_DMA", container, errno, rule, $"registering the window for doorbells at IOVA {iova}, 0x{size:x} bytes: {reason}", remedy);
}
