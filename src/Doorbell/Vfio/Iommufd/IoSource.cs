namespace Doorbell.Vfio.Iommufd;

/// <summary>Memory to be mapped: a piece of a client's address space or of a file (struct iopt_pages, seen from one mapping of it).</summary>
/// <param name="Memory">The client's memory, or the file.</param>
/// <param name="Address">First byte of it: a virtual address, or an offset in the file.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsWritable">Whether a mapping may allow writing: a copy has no more than the mapping it is of.</param>
/// <param name="IsFile">IOMMU_IOAS_MAP_FILE.</param>
internal readonly record struct IoSource(IClientAddressSpace Memory, ulong Address, ulong Length, bool IsWritable, bool IsFile);
