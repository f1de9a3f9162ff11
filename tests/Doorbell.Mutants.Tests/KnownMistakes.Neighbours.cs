namespace Doorbell.Mutants;

/// <content>Beside those that were made: what a rule forbids and a hand could slip to.</content>
internal static partial class KnownMistakes
{
    private static Mutant[] Neighbours =>
    [
        new(
            "unmapped-before-unlinked",
            "I7",
            "the last put unmaps while the binding can still be found, so that a get takes what is going",
            [
                new(
                    Window,
                    """
                                if (last)
                                {
                                    Unlink(binding);
                                }
                            }

                            if (last)
                            {
                                Unbind(binding, references);
                    """,
                    """
                            }

                            if (last)
                            {
                                _domain.UnmapDoorbell(binding.Iova, binding.Size);
                                using (_lock.Enter())
                                {
                                    Unlink(binding);
                                }

                                Unbind(binding, references);
                    """),
            ],
            ["DoorbellRaceTests.I7_N3_get_and_last_put_of_one_doorbell", "DoorbellRaceTests.I6_I7_get_and_get_and_put"]),
        new(
            "last-put-keeps-the-mapping",
            "I7",
            "a doorbell of the series stays mapped after its last put",
            [new(Window, "last = references == 0 && Retention == DoorbellRetention.UntilLastReference;", "last = references < 0;")],
            ["ReservedIovaDomainTests.I4_N2_a_doorbell_is_mapped_once_however_many_vectors_use_it_and_unmapped_with_the_last", "DoorbellRaceTests.I7_put_and_put_of_one_doorbell"]),
        new(
            "close-leaves-mappings",
            "I8",
            "freeing the window unlinks its bindings and leaves them mapped",
            [new(Window, "        foreach (DoorbellBinding binding in left)\n        {\n            Unbind(binding, binding.References);\n        }", "")],
            ["ReservedIovaDomainTests.I8_freeing_the_window_unmaps_what_is_left_and_late_puts_find_nothing", "DoorbellRaceTests.I8_put_and_close"]),
        new(
            "map-into-the-window",
            "N5",
            "the user can map inside the window",
            [new("Iommu/IommuDomain", "if (_reservedIovas is { } window && size != 0 && window.Overlaps(", "if (_reservedIovas is { BindingCount: < 0 } window && size != 0 && window.Overlaps(")],
            ["ReservedIovaDomainTests.N5_the_user_can_neither_map_into_the_window_nor_unmap_a_doorbell", "DoorbellRaceTests.N5_map_and_registration_of_the_window_leave_the_range_to_one"]),
        new(
            "unmap-takes-doorbells",
            "N5",
            "what the user unmaps takes doorbells along",
            [new("Iommu/IommuDomain", "if (_reservedIovas is not { } window || !window.Overlaps(iova.Value, last))", "if (_reservedIovas is not { BindingCount: < 0 } window || !window.Overlaps(iova.Value, last))")],
            ["ReservedIovaDomainTests.N5_the_user_can_neither_map_into_the_window_nor_unmap_a_doorbell", "DoorbellRaceTests.N5_what_the_user_unmaps_is_never_a_doorbell"]),
        new(
            "usable-ranges-not-asked",
            "V2",
            "MAP_DMA does not look whether the range is usable",
            [new("Vfio/Type1Iommu", "        if (!IsUsable(iova, last))", "        if (last < iova)")],
            ["TwoIommuTests.I9_N5_the_reserved_regions_of_every_device_of_a_group_are_cut_out"]),
        new(
            "mapping-where-none-is-needed",
            "M7",
            "an identity domain asks for doorbell mappings too",
            [new("Iommu/IommuDomain", "Iommu.TranslatesMsi && Type != IommuDomainType.Identity;", "Iommu.TranslatesMsi;")],
            ["DoorbellMappingTests.M7_Without_a_translation_the_message_is_the_physical_doorbell_and_nothing_is_mapped"]),
        new(
            "msi-mapping-not-answered",
            "I1",
            "an SMMU's domain does not say that MSIs need a mapping",
            [new("Iommu/IommuDomain", "public bool MsiMapping => Iommu.TranslatesMsi &&", "public bool MsiMapping => !Iommu.TranslatesMsi &&")],
            ["IommuTests.I1_MSI_writes_need_a_mapping_where_they_are_translated"]),
        new(
            "iotlb-not-invalidated",
            "I7",
            "what is unmapped is not invalidated in the IOTLB",
            [new("Iommu/IommuDomain", "            Invalidate(iova, SaturatedLast(iova, size));", "            _ = _invalidationCount;")],
            ["InvalidationTests.N3_what_is_unmapped_faults_however_often_it_was_used_before", "DoorbellRaceTests.I7_translation_and_last_put"]),
        new(
            "walk-brings-back-what-was-invalidated",
            "I7",
            "a walk that began before an invalidation takes in what it found",
            [new("Iommu/Iotlb", "        if (Volatile.Read(ref _generation) == generation)", "        if (generation >= 0)")],
            ["IotlbTests.N3_a_walk_that_began_before_an_invalidation_brings_nothing_back", "DoorbellRaceTests.I7_translation_and_last_put"]),
        new(
            "stream-not-invalidated",
            "I7",
            "a stream that is attached elsewhere goes on through what the unit has cached of it",
            [new("Iommu/Iommu", "        entry.InvalidateConfiguration();\n", "")],
            ["InvalidationTests.A_stream_that_was_attached_elsewhere_or_detached_goes_there_from_its_next_transaction_on"]),
        new(
            "controllers-without-their-lock",
            "M11",
            "two devices allocate at one controller at once",
            [new("Interrupts/IrqDomain", "        using EngineLock.Scope held = Lock.Enter();\n        var irqs", "        var irqs")],
            ["VectorRaceTests.M11_N4_allocate_and_allocate_behind_one_DeviceID"]),
        new(
            "vectors-without-their-lock",
            "M5",
            "a change of affinity does not take the lock of the device's vectors",
            [new("Msi/MsiDeviceVectors", "        using EngineLock.Scope held = _lock.Enter();\n        MsiVector? vector = Find(index);\n        if (vector is null)\n        {\n            return Result.Fail(Errno.EINVAL, $\"vector {index} of {Device.Name} is not allocated.\");\n        }\n\n        Result result = vector.SetAffinity(cpu);", "        MsiVector? vector = Find(index);\n        if (vector is null)\n        {\n            return Result.Fail(Errno.EINVAL, $\"vector {index} of {Device.Name} is not allocated.\");\n        }\n\n        Result result = vector.SetAffinity(cpu);")],
            ["VectorRaceTests.M5_M6_affinity_and_disarm", "VectorRaceTests.I9_N1_domain_replace_and_affinity"]),
        new(
            "move-without-the-lock",
            "I9",
            "arming goes on between the preparation of a domain's replacement and its end",
            [
                new("Msi/MsiDeviceVectors", "        _lock.Take();\n", "        using EngineLock.Scope held = _lock.Enter();\n"),
                new("Msi/MsiDeviceVectors", "                _lock.Give();\n                return next", "                return next"),
                new("Msi/MsiDeviceVectors", "internal void EndMove() => _lock.Give();", "internal void EndMove() => _ = _lock;"),
            ],
            ["VectorRaceTests.I9_N1_attach_and_arm"]),
        new(
            "second-device-not-looked-at",
            "V4",
            "only the first device of a group decides whether it is viable",
            [new("Vfio/PassthroughGroup", "        Devices.FirstOrDefault(", "        Devices.Take(1).FirstOrDefault(")],
            ["ContainerTests.V4_a_group_with_a_device_on_a_host_driver_is_not_viable_until_it_is_freed"]),
        new(
            "writer-not-looked-at",
            "N4",
            "the ITS looks up every write under one DeviceID",
            [new("Gic/GicV3Its", "_tables.GetDevice(write.DeviceId)", "_tables.GetDevice(new DeviceId(write.DeviceId.Value & ~0xffu))")],
            ["ItsCommandTests.N4_Every_refused_write_is_told_with_its_reason_and_counted"]),
    ];
}
