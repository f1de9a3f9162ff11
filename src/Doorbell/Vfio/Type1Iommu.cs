using System.Numerics;
using Doorbell.Iommu;

namespace Doorbell.Vfio;

/// <summary>The type1 backend of a container: what the user mapped and registered, the domains it is in, and where more may go.</summary>
internal sealed partial class Type1Iommu(VfioHost host, string container, bool isV2)
{
    private readonly IovaMap _mappings = new();
    private readonly List<Type1Domain> _domains = [];
    private List<IovaRange> _usable = [new(default, new Iova(ulong.MaxValue))];

    public bool HasDomains => _domains.Count != 0;

    public int MappingCount => _window is null ? _mappings.Count : _mappings.Count - 1;

    private IEnumerable<DmaMapping> UserMappings => _mappings.ToList().OfType<DmaMapping>();

    private int MappingLimit => host.Options.DmaEntryLimit;

    private ulong PageSizes
    {
        get
        {
            ulong sizes = ulong.MaxValue;
            foreach (Type1Domain domain in _domains)
            {
                sizes &= domain.Domain.PageSizes;
            }

            return sizes;
        }
    }

    private ulong SmallestPage => 1UL << BitOperations.TrailingZeroCount(PageSizes);

    public Type1Info GetInfo() => new(PageSizes, [.. _usable], (uint)(MappingLimit - _mappings.Count), GetMsiRequirement());

    /// <summary>The container itself goes.</summary>
    public void Release()
    {
        UnmapEverything();
        DropWindow();
    }

    public Result Map(VfioMapFlags flags, ulong vaddr, Iova iova, ulong size, IClientAddressSpace memory)
    {
        const VfioMapFlags WindowFlags = VfioMapFlags.MsiReservedIova | VfioMapFlags.Read | VfioMapFlags.Write;
        if (IsV6 && (flags & VfioMapFlags.MsiReservedIova) != 0 && (flags & ~WindowFlags) == 0)
        {
            return Register(iova, size);
        }

        bool isUpdate = flags == VfioMapFlags.Vaddr;
        IommuProtection protection = IommuProtection.Cache;
        if ((flags & VfioMapFlags.Read) != 0)
        {
            protection |= IommuProtection.Read;
        }

        if ((flags & VfioMapFlags.Write) != 0)
        {
            protection |= IommuProtection.Write;
        }

        if (!isUpdate && ((flags & ~(VfioMapFlags.Read | VfioMapFlags.Write)) != 0 || protection == IommuProtection.Cache))
        {
            return RefuseMap(Errno.EINVAL, null, iova, size, $"flags 0x{(uint)flags:x} are not READ (1), WRITE (2) or both, nor VADDR (4) alone");
        }

        if (size == 0)
        {
            return RefuseMap(Errno.EINVAL, null, iova, size, "the size is zero");
        }

        if (iova.Value + (size - 1) < iova.Value || vaddr + (size - 1) < vaddr)
        {
            return RefuseMap(Errno.EOVERFLOW, null, iova, size, "the range wraps around the end of the address space");
        }

        ulong page = SmallestPage;
        if (((size | iova.Value | vaddr) & (page - 1)) != 0)
        {
            return RefuseMap(Errno.EINVAL, null, iova, size, $"size, iova and vaddr (0x{vaddr:x}) must be multiples of the IOMMU's smallest page, 0x{page:x}");
        }

        if (isUpdate)
        {
            return UpdateVaddr(vaddr, iova, size, memory);
        }

        Iova last = iova + (size - 1);
        if (_mappings.FirstIn(iova, last) is { } other)
        {
            return RefuseMap(Errno.EEXIST, "N5", iova, size, $"{other.Iova}-{other.Last} is {Taken(other)} already; unmap it first");
        }

        if (_mappings.Count == MappingLimit)
        {
            return RefuseMap(Errno.ENOSPC, null, iova, size, $"the container has {MappingLimit} mappings, its limit");
        }

        if (!IsUsable(iova, last))
        {
            return RefuseUnusable(iova, size);
        }

        return MapChecked(vaddr, iova, size, protection, memory);
    }

    private bool IsUsable(Iova first, Iova last)
    {
        foreach (IovaRange range in _usable)
        {
            if (range.First <= first && last <= range.Last)
            {
                return true;
            }
        }

        return false;
    }

    private Result MapChecked(ulong vaddr, Iova iova, ulong size, IommuProtection protection, IClientAddressSpace memory)
    {
        Result<ClientSpace> space = Pin(vaddr, iova, size, protection, memory);
        if (!space.IsOk)
        {
            return space.WithoutValue;
        }

        DmaMapping mapping = new(iova, size, vaddr, protection, space.Value);
        for (int i = 0; i < _domains.Count; i++)
        {
            Result mapped = MapIn(_domains[i].Domain, mapping);
            if (!mapped.IsOk)
            {
                while (--i >= 0)
                {
                    _domains[i].Domain.Unmap(iova, size);
                }

                Unpin(mapping);
                return RefuseMap(mapped.Errno, null, iova, size, mapped.Reason);
            }
        }

        _mappings.Add(mapping);
        if (_isTracking && IsBeyondBitmaps(mapping))
        {
            Remove(mapping);
            return RefuseMap(Errno.EINVAL, null, iova, size, $"dirty pages are tracked, and it has more than {MostDirtyPages}, the most a bitmap tells of");
        }

        return Result.Ok;
    }

    private Result<ClientSpace> Pin(ulong vaddr, Iova iova, ulong size, IommuProtection protection, IClientAddressSpace memory)
    {
        if (vaddr + (size - 1) > Fabric.PhysicalBus.LastVirtualAddress)
        {
            return RefuseMap(Errno.EFAULT, null, iova, size, $"0x{vaddr:x} is beyond the 48 bits of a user address");
        }

        Errno pinned = memory.Pin(vaddr, size, (protection & IommuProtection.Write) != 0);
        if (pinned != Errno.None)
        {
            return RefuseMap(pinned, null, iova, size, pinned == Errno.ENOMEM
                ? "pinning it would exceed the client's limit of locked memory (RLIMIT_MEMLOCK)"
                : $"the client's memory 0x{vaddr:x}-0x{vaddr + (size - 1):x} is not all there with the access asked for");
        }

        return PlaceOf(vaddr, iova, size, memory);
    }

    private Result<ClientSpace> PlaceOf(ulong vaddr, Iova iova, ulong size, IClientAddressSpace memory)
    {
        Result<ClientSpace> space = host.Spaces.Get(memory);
        if (!space.IsOk)
        {
            memory.Unpin(vaddr, size);
            return RefuseMap(space.Errno, null, iova, size, space.Reason);
        }

        return space;
    }

    private void Unpin(DmaMapping mapping)
    {
        mapping.Space.Memory.Unpin(mapping.VirtualAddress, mapping.Size);
        host.Spaces.Put(mapping.Space);
    }

    private static Result MapIn(IommuDomain domain, DmaMapping mapping) =>
        domain.Map(mapping.Iova, mapping.Space.AddressOf(mapping.VirtualAddress), mapping.Size, mapping.Protection);

    private void Remove(DmaMapping mapping)
    {
        foreach (Type1Domain domain in _domains)
        {
            domain.Domain.Unmap(mapping.Iova, mapping.Size);
        }

        _mappings.Remove(mapping);
        _invalidVaddrs -= mapping.IsVaddrInvalid ? 1 : 0;
        Unpin(mapping);
    }

    private ulong UnmapEverything()
    {
        ulong unmapped = 0;
        foreach (DmaMapping mapping in UserMappings)
        {
            unmapped += mapping.Size;
            Remove(mapping);
        }

        return unmapped;
    }
}
