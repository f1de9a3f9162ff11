namespace Doorbell.Mutants;

/// <content>Made in v6 of the series or in the revisions beside it.</content>
internal static partial class KnownMistakes
{
    private const string Window = "Iommu/ReservedIovaDomain";
    private const string Binding = "Iommu/DoorbellBinding";
    private const string Type1Groups = "Vfio/Type1Iommu";
    private const string Type1Window = "Vfio/Type1Iommu";

    private static Mutant[] Series =>
    [
        new(
            "iova-freed-before-unmap",
            "I7",
            "the last put frees the IOVA before it unmaps it, so that another doorbell can get it while it is mapped",
            [
                new(
                    Window,
                    """
                            _domain.UnmapDoorbell(binding.Iova, binding.Size);
                            FreeIova(binding);
                    """,
                    """
                            FreeIova(binding);
                            _domain.UnmapDoorbell(binding.Iova, binding.Size);
                    """),
            ],
            ["DoorbellRaceTests.I7_N3_last_put_and_get_of_another_doorbell_in_a_window_of_one_page", "ReservedIovaDomainTests.I7_N3_the_last_put_unlinks_then_unmaps_and_only_then_frees_the_IOVA"]),
        new(
            "loser-frees-first",
            "I6",
            "the loser of two racing gets frees its IOVA before it unmaps it",
            [
                new(
                    Window,
                    """
                            if (winner is null || !_placement.IsShared)
                            {
                                _domain.UnmapDoorbell(fresh.Iova, fresh.Size);
                            }

                            FreeIova(fresh);
                    """,
                    """
                            FreeIova(fresh);
                            if (winner is null || !_placement.IsShared)
                            {
                                _domain.UnmapDoorbell(fresh.Iova, fresh.Size);
                            }
                    """),
            ],
            ["ReservedIovaRaceTests.I6_N3_the_losers_IOVA_is_unmapped_before_it_is_free", "DoorbellRaceTests.I6_N3_two_gets_of_one_doorbell_and_one_of_another"]),
        new(
            "protection-not-stored",
            "I4",
            "a binding's protection is not kept, so that a doorbell mapped for reading is taken for one that can be written",
            [new(Binding, " && (protection & ~Protection) == 0;", ";")],
            ["ReservedIovaDomainTests.I4_the_protection_is_stored_and_a_binding_that_allows_less_is_not_taken", "DoorbellModelTests.N1_N2_N3_after_any_sequence_of_gets_and_puts_each_holder_still_reaches_its_doorbell"]),
        new(
            "covers-in-part",
            "I4",
            "a binding that covers the beginning of the range asked for is taken for all of it",
            [new(Binding, "Contains(pa) && size - 1 <= Size - 1 - (pa.Value - PhysicalAddress.Value) &&", "Contains(pa) &&")],
            ["ReservedIovaDomainTests.I4_a_binding_that_covers_the_range_in_part_is_not_taken_for_it", "DoorbellModelTests.N1_N2_N3_after_any_sequence_of_gets_and_puts_each_holder_still_reaches_its_doorbell"]),
        new(
            "cookie-vanished-between-locks",
            "I8",
            "a get does not look whether the window went while it mapped, and leaves its mapping behind",
            [new(Window, "            closed = _closed;", "            closed = false;")],
            ["DoorbellRaceTests.I8_get_and_close", "DoorbellRaceTests.I8_get_and_free_domain", "ReservedIovaRaceTests.I8_a_window_that_goes_while_a_get_maps_leaves_no_mapping"]),
        new(
            "lock-kept-on-early-return",
            "I6",
            "a get that finds the window full returns with the lock held",
            [
                new(
                    Window,
                    """
                                    return Result.Fail(place.Errno, $"{_domain}: {place.Reason}");
                    """,
                    """
                                    _lock.Take();
                                    return Result.Fail(place.Errno, $"{_domain}: {place.Reason}");
                    """),
            ],
            ["DoorbellRaceTests.I5_get_and_get_of_the_last_IOVA_leave_it_to_one"]),
        new(
            "first-group-judged-too-early",
            "V3",
            "the first group is judged by the domains in the list before its own is there, and so passes",
            [new(Type1Groups, "Result safe = SafetyCheck.Check(host, group, operation);", "Result safe = _domains.Count == 0 ? Result.Ok : SafetyCheck.Check(host, group, operation);")],
            ["ContainerTests.V3_a_group_behind_a_GICv2m_is_refused_with_EPERM_and_a_sentence"]),
        new(
            "window-replayed-as-RAM",
            "V1",
            "a new domain of a container gets the registered window mapped like the user's memory",
            [
                new(
                    Type1Groups,
                    """
                            Result window = GiveWindow(domain, reserved);
                    """,
                    """
                            if (_window is { } ram)
                            {
                                domain.Map(ram.Iova, default, ram.Size, IommuProtection.Read | IommuProtection.Write);
                            }

                            Result window = GiveWindow(domain, reserved);
                    """),
            ],
            ["TwoIommuTests.V1_a_domain_that_comes_later_gets_the_window_and_nothing_mapped_in_it"]),
        new(
            "no-domain-matched-is-success",
            "V1",
            "a window that no domain takes is reported as registered",
            [new(Type1Window, "if (!_domains.Exists(static domain => domain.Domain.MsiMapping))", "if (false)")],
            ["TwoIommuTests.V1_a_window_that_no_domain_needs_is_EINVAL"]),
        new(
            "loser-keeps-its-mapping",
            "I6",
            "the loser of two racing gets leaves its mapping",
            [
                new(
                    Window,
                    """
                            if (winner is null || !_placement.IsShared)
                            {
                                _domain.UnmapDoorbell(fresh.Iova, fresh.Size);
                            }

                    """,
                    string.Empty),
            ],
            ["DoorbellRaceTests.I6_get_and_get_of_one_doorbell_end_with_one_mapping", "ReservedIovaRaceTests.I6_two_racing_gets_of_one_doorbell_end_with_one_mapping_and_two_references"]),
        new(
            "winner-not-looked-for",
            "I6",
            "the loser of two racing gets does not look again, and links a second binding of the doorbell",
            [new(Window, "                winner = Find(pa, size, fresh.Protection);", "                winner = null;")],
            ["DoorbellRaceTests.I6_get_and_get_of_one_doorbell_end_with_one_mapping"]),
        new(
            "old-doorbell-released-first",
            "M5",
            "a change of affinity releases the previous doorbell before the device holds the new message (v5)",
            [
                new(
                    "Msi/MsiVector",
                    """
                            Result written = Take(composed, next.Value);
                            if (!written.IsOk)
                            {
                                next.Value.Put();
                                return written;
                            }

                            MsiBinding previous = _binding;
                            _binding = next.Value;
                            previous.Put();
                    """,
                    """
                            MsiBinding previous = _binding;
                            _binding = next.Value;
                            previous.Put();
                            Result written = Take(composed, next.Value);
                            if (!written.IsOk)
                            {
                                next.Value.Put();
                                return written;
                            }

                    """),
            ],
            ["AffinityTests.M5_SetAffinity_releases_the_old_doorbell_only_after_the_device_holds_the_new_message", "VectorRaceTests.M5_affinity_and_affinity_of_one_vector"]),
        new(
            "old-doorbell-never-released",
            "M5",
            "a change of affinity keeps the reference to the previous doorbell (v3)",
            [
                new(
                    "Msi/MsiVector",
                    """
                            _binding = next.Value;
                            previous.Put();
                    """,
                    """
                            _binding = next.Value;
                    """),
            ],
            ["AffinityTests.M5_SetAffinity_releases_the_old_doorbell_only_after_the_device_holds_the_new_message", "VectorRaceTests.M5_affinity_and_affinity_of_one_vector"]),
        new(
            "doorbell-released-before-message-cleared",
            "M6",
            "a deactivation releases the doorbell while the device still holds the message",
            [
                new(
                    "Msi/MsiVector",
                    """
                            owner.ClearMessage(this);
                            Message = default;
                            Composed = default;
                            if (owner.Domain.MappingPoint == MappingPoint.Activate)
                            {
                                Unbind();
                            }
                    """,
                    """
                            if (owner.Domain.MappingPoint == MappingPoint.Activate)
                            {
                                Unbind();
                            }

                            owner.ClearMessage(this);
                            Message = default;
                            Composed = default;
                    """),
            ],
            ["VectorRaceTests.M5_M6_affinity_and_disarm", "VectorRaceTests.M6_N2_arm_and_close"]),
        new(
            "platform-its-does-not-remap",
            "M2",
            "the ITS's platform MSI domain does not say that it remaps (v4)",
            [new("Machines/MsiDomains", "new MsiDomainInfo(Remapping(its), mappingPoint)", "new MsiDomainInfo(MsiDomainFlags.None, mappingPoint)")],
            ["MsiDomainTests.M1_M2_The_ITS_says_that_it_translates_by_requester_for_PCI_and_for_platform_devices"]),
        new(
            "v2m-claims-remapping",
            "M2",
            "GICv2m says that it remaps",
            [new("Machines/MsiDomains", "        v2m,\n        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX, mappingPoint)", "        v2m,\n        new MsiDomainInfo(MsiDomainFlags.MultiPciMsi | MsiDomainFlags.PciMsiX | MsiDomainFlags.IrqRemapping, mappingPoint)")],
            ["MsiDomainTests.M2_GICv2m_does_not_say_so", "ContainerTests.V3_a_group_behind_a_GICv2m_is_refused_with_EPERM_and_a_sentence"]),
        new(
            "smmu-claims-remapping",
            "I2",
            "an SMMU claims interrupt remapping, so that everything behind it passes for safe (mainline before the series)",
            [new("Iommu/IommuModel", "    public bool CanRemapInterrupts { get; private init; }", "    public bool CanRemapInterrupts { get; private init; } = true;")],
            ["IommuTests.I2_only_an_x86_unit_with_remapping_on_claims_it"]),
        new(
            "failed-map-keeps-its-IOVA",
            "I5",
            "a doorbell that cannot be mapped keeps its IOVA",
            [
                new(
                    Window,
                    """
                                FreeIova(fresh);
                                return mapped;
                    """,
                    """
                                return mapped;
                    """),
            ],
            ["ReservedIovaDomainTests.I5_when_the_mapping_fails_its_IOVA_is_given_back_and_nothing_is_left"]),
        new(
            "second-window-accepted",
            "I3",
            "a second window takes the first one's place",
            [new("Iommu/IommuDomain", "            if (_reservedIovas is { } window)\n            {\n                return Result.Fail(Errno.EEXIST", "            if (_reservedIovas is { } window && window.BindingCount < 0)\n            {\n                return Result.Fail(Errno.EEXIST")],
            ["ReservedIovaDomainTests.I3_a_second_window_is_EEXIST_and_the_first_stays", "DoorbellRaceTests.I3_two_registrations_of_the_window"]),
        new(
            "window-over-a-mapping",
            "N5",
            "a window is registered where the user has something mapped",
            [new("Iommu/IommuDomain", "if (_table.TryFindMapped(iova, size, out Iova mapped))", "if (_table.TryFindMapped(iova, size, out Iova mapped) && mapped > ApertureEnd)")],
            ["DoorbellRaceTests.N5_map_and_registration_of_the_window_leave_the_range_to_one"]),
    ];
}
