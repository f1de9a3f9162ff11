namespace Doorbell.Vfio;

/// <summary>VFIO_UPDATE_VADDR: a client that replaces itself (exec) takes its mappings along and says where the same memory is now.</summary>
internal sealed partial class Type1Iommu
{
    private int _invalidVaddrs;

    // Every mapping of the range or none; one that is invalid already refuses them all.
    private Result<ulong> InvalidateVaddr(Iova first, Iova last)
    {
        List<DmaMapping> mappings = [.. UserMappings.Where(mapping => mapping.Iova >= first && mapping.Iova <= last)];
        if (mappings.Find(static mapping => mapping.IsVaddrInvalid) is { } invalid)
        {
            return RefuseUnmap(first, last.Value - first.Value + 1, $"the address of {invalid.Iova}-{invalid.Last} is invalid already");
        }

        ulong size = 0;
        foreach (DmaMapping mapping in mappings)
        {
            mapping.IsVaddrInvalid = true;
            size += mapping.Size;
        }

        _invalidVaddrs += mappings.Count;
        return size;
    }

    // The kernel keeps the pages pinned and takes the client's word that they are the same ones; here memory is known by its address, so the
    // domains learn the new one, entry by entry: a DMA meanwhile finds the old place or the new one.
    private Result UpdateVaddr(ulong vaddr, Iova iova, ulong size, IClientAddressSpace memory)
    {
        if (FirstMappingIn(iova, iova + (size - 1)) is not { } mapping)
        {
            return RefuseMap(Errno.ENOENT, null, iova, size, "nothing is mapped there whose address could be updated");
        }

        if (!mapping.IsVaddrInvalid || mapping.Iova != iova || mapping.Size != size)
        {
            return RefuseMap(Errno.EINVAL, null, iova, size, $"{mapping.Iova}-{mapping.Last} is mapped, {(mapping.IsVaddrInvalid ? "and can only be updated as a whole" : "and its address is valid; UNMAP_DMA with VADDR (4) comes first")}");
        }

        if (vaddr + (size - 1) > Fabric.PhysicalBus.LastVirtualAddress)
        {
            return RefuseMap(Errno.EFAULT, null, iova, size, $"0x{vaddr:x} is beyond the 48 bits of a user address");
        }

        if (memory != mapping.Space.Memory && memory.Adopt(size) is not Errno.None and Errno refused)
        {
            return RefuseMap(refused, null, iova, size, "the memory would exceed the new owner's limit of locked memory (RLIMIT_MEMLOCK)");
        }

        Result<ClientSpace> space = PlaceOf(vaddr, iova, size, memory);
        if (!space.IsOk)
        {
            return space.WithoutValue;
        }

        PhysicalAddress place = space.Value.AddressOf(vaddr);
        if (!_domains.TrueForAll(domain => domain.Domain.AffordsRepoint(iova, mapping.Space.AddressOf(mapping.VirtualAddress), place, size)))
        {
            host.Spaces.Put(space.Value);
            if (memory != mapping.Space.Memory)
            {
                memory.Unpin(vaddr, size);
            }

            return RefuseMap(Errno.ENOMEM, null, iova, size, $"at 0x{vaddr:x} it would need more page tables than a domain may have; an address as far from a multiple of 1 GiB as the IOVA needs the fewest");
        }

        DmaMapping updated = mapping with { VirtualAddress = vaddr, Space = space.Value, IsVaddrInvalid = false };
        foreach (Type1Domain domain in _domains)
        {
            domain.Domain.Repoint(iova, place, size, mapping.Protection);
        }

        _mappings.Remove(mapping);
        _mappings.Add(updated);
        _invalidVaddrs--;
        if (memory != mapping.Space.Memory)
        {
            Unpin(mapping);
        }
        else
        {
            host.Spaces.Put(mapping.Space); // the same owner: nothing changes hands (vfio_change_dma_owner)
        }

        return Result.Ok;
    }

    // A domain that joins would be given memory whose place nobody knows.
    private Result CheckVaddrs(PassthroughGroup group, string operation) => _invalidVaddrs == 0
        ? Result.Ok
        : host.Refuse(operation, $"group {group.Id}", Errno.EBUSY, null, $"{_invalidVaddrs} mappings of {container} have no valid address; update them first (MAP_DMA with VADDR)");
}
