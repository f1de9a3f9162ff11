namespace Doorbell.Mutants;

/// <content>Mainline's, iommufd's and the drivers'.</content>
internal static partial class KnownMistakes
{
    private static Mutant[] Mainline =>
    [
        new(
            "window-without-end",
            "I9",
            "doorbell pages are handed out past the window's end (iommu_dma's cookie: a bump allocator with no end)",
            [new("Iommu/SoftwareMsiTable", "if (offset < end || offset > windowSize || size > windowSize - offset)", "if (offset < end)")],
            ["SoftwareMsiTableTests.I9_sixteen_pages_of_64_KiB_fill_a_MiB_and_the_seventeenth_is_ENOSPC_not_the_users_space"]),
        new(
            "domain-changed-while-armed",
            "I9",
            "a device's domain is replaced without its doorbells being mapped in the new one first",
            [new("Msi/MsiDeviceVectors", "            if (vector is not { IsBound: true })\n            {\n                continue;", "            if (vector is not { IsBound: true, Index: < 0 })\n            {\n                continue;")],
            ["DomainMoveTests.I9_The_doorbell_is_mapped_in_the_new_domain_before_the_attach_and_the_message_stays", "AttachTests.I9_N1_replacing_the_domain_of_an_armed_device_maps_the_doorbell_first_and_keeps_the_message", "VectorRaceTests.I9_N1_attach_and_arm"]),
        new(
            "first-devices-regions-only",
            "I9",
            "of a group's devices only the first one's reserved regions are honoured",
            [new("Vfio/PassthroughGroup", "ReservedRegion.Merge(Devices.SelectMany(", "ReservedRegion.Merge(Devices.Take(1).SelectMany(")],
            ["TwoIommuTests.I9_N5_the_reserved_regions_of_every_device_of_a_group_are_cut_out"]),
        new(
            "unaligned-multi-msi",
            "M10",
            "a block of PCI MSI is aligned within the frame's SPIs and not by the number the device's low bits replace (GICv2m)",
            [new("Gic/AlignedIdAllocator", "for (ulong start = ((ulong)first + size - 1) & ~((ulong)size - 1); start + size <= limit; start += size)", "for (ulong start = first; start + size <= limit; start += size)")],
            ["AllocatorTests.M10_A_block_is_aligned_to_its_size_by_the_number_itself"]),
        new(
            "eventid-leaked",
            "M11",
            "an allocation that fails keeps its EventID",
            [new("Gic/ItsDomain", "        DeviceOf(irqs[0]).Events.Free(EventOf(irqs[0]).Value, irqs.Length);\n", "")],
            ["ItsDomainTests.M11_The_EventID_of_a_failed_allocation_comes_back_where_Linux_leaks_it"]),
    ];
}
