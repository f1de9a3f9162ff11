using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>Containers whose groups stand behind different IOMMUs: a domain each, with all that the container has.</summary>
public class ContainerDomainsTests
{
    private const ulong Window = 0x0c00_0000;

    private static readonly VfioOptions V6 = new() { Uapi = VfioUapi.ReservedIovaV6, AllowUnsafeInterrupts = true };

    [Fact]
    public void A_group_behind_another_IOMMU_gets_a_domain_with_every_mapping_of_the_container_and_shares_those_that_follow()
    {
        Rig rig = new();
        PassthroughDevice a = rig.Device(1, rig.Iommu("smmu-a", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice b = rig.Device(2, rig.Iommu("smmu-b", IommuModel.SmmuV2), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(a), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Map(container, 0x10_0000, 0x1000));
        Board.Ok(rig.Open(second).SetContainer(container));
        Board.Ok(rig.Map(container, 0x20_0000, 0x1000));

        Assert.NotSame(Rig.DomainOf(a), Rig.DomainOf(b));
        foreach (ulong iova in new[] { 0x10_0000UL, 0x20_0000UL })
        {
            Assert.True(Rig.DomainOf(a).TryTranslate(new Iova(iova), IommuProtection.Write, out PhysicalAddress pa));
            Assert.True(Rig.DomainOf(b).TryTranslate(new Iova(iova), IommuProtection.Write, out PhysicalAddress same));
            Assert.Equal(pa, same);
        }

        Assert.Equal(0x2000UL, rig.Client.Pinned);
        Assert.Equal(0x2000UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.All, default, 0)));
        Assert.Equal((0L, 0L), (Rig.DomainOf(a).EntryCount, Rig.DomainOf(b).EntryCount));
    }

    [Fact]
    public void Groups_behind_one_IOMMU_share_a_domain()
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughDevice a = rig.Device(1, iommu, rig.Its);
        PassthroughDevice b = rig.Device(2, iommu, rig.Its);
        PassthroughDevice c = rig.Device(3, rig.Iommu("other", IommuModel.SmmuV3), rig.Its);
        (PassthroughGroup first, PassthroughGroup other, PassthroughGroup last) = (rig.Group(a), rig.Group(c), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Open(other).SetContainer(container));
        Board.Ok(rig.Open(last).SetContainer(container));
        Assert.Same(Rig.DomainOf(a), Rig.DomainOf(b));
        Assert.NotSame(Rig.DomainOf(a), Rig.DomainOf(c));
    }

    [Theory]
    [InlineData(false, 0, 1, 2)]
    [InlineData(false, 0, 2, 1)]
    [InlineData(false, 1, 0, 2)]
    [InlineData(false, 1, 2, 0)]
    [InlineData(false, 2, 0, 1)]
    [InlineData(false, 2, 1, 0)]
    [InlineData(true, 0, 1, 2)]
    [InlineData(true, 1, 2, 0)]
    [InlineData(true, 2, 0, 1)]
    public void V7_groups_leave_in_any_order_and_what_stays_goes_on_working(bool isV6, params int[] order)
    {
        Rig rig = new(isV6 ? V6 : null);
        Doorbell.Iommu.Iommu shared = rig.Iommu("smmu-a", IommuModel.SmmuV3);
        PassthroughDevice[] devices = [rig.Device(1, shared, rig.Its), rig.Device(2, rig.Iommu("smmu-b", IommuModel.Mmu500), rig.Its), rig.Device(3, shared, rig.Its)];
        PassthroughGroup[] members = [.. devices.Select(device => rig.Group(device))];
        VfioContainer container = rig.Host.OpenContainer();
        VfioGroup[] groups = [.. members.Select(rig.Open)];
        Board.Ok(groups[0].SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        Board.Ok(rig.Map(container, 0x10_0000, 0x4000));
        if (isV6)
        {
            Board.Ok(rig.Register(container, Window, 0x1000));
        }

        Board.Ok(groups[1].SetContainer(container));
        Board.Ok(groups[2].SetContainer(container));
        var armed = groups.Select((group, i) => rig.Arm(group, devices[i], 2)).ToList();
        Assert.All(armed, static arm => Assert.True(arm.Armed.IsOk, arm.Armed.Reason));
        List<IommuDomain> domains = [.. devices.Select(Rig.DomainOf)];

        for (int left = 0; left < order.Length; left++)
        {
            int leaving = order[left];
            armed[leaving].Device.Release();
            Board.Ok(groups[leaving].UnsetContainer());
            Assert.False(devices[leaving].Iommu!.GetStream(devices[leaving].StreamId).IsAttached);
            foreach (int staying in order[(left + 1)..])
            {
                Assert.Equal(rig.ItsDoorbell, Rig.Lead(devices[staying]));
                Assert.True(devices[staying].Function.RaiseMsi(1));
                Assert.Equal(left + 1, armed[staying].Triggers[1].Signals);
                Assert.True(Rig.DomainOf(devices[staying]).TryTranslate(new Iova(0x10_3fff), IommuProtection.Read, out _));
            }
        }

        Assert.All(domains, static domain => Assert.True(domain.IsFreed && domain.IsEmpty));
        Assert.All(armed.SelectMany(static arm => arm.Triggers), static trigger => Assert.Equal(1, trigger.Releases));
        Assert.Equal(0UL, rig.Client.Pinned);
        Assert.False(container.HasIommu);
    }

    [Fact]
    public void What_is_usable_is_what_every_domain_of_the_container_can_map_and_it_widens_when_a_group_leaves()
    {
        Rig rig = new();
        ReservedRegion window = new(new Iova(0x3000_0000), 0x10_0000, ReservedRegionType.SoftwareMsi);
        PassthroughDevice wide = rig.Device(1, rig.Iommu("smmu", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice narrow = rig.Device(2, rig.Iommu("mmu-401", IommuModel.Mmu401, reserved: window), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(wide), rig.Group(narrow));
        (VfioContainer container, _) = rig.Contain(first);
        VfioGroup joining = rig.Open(second);
        Board.Ok(joining.SetContainer(container));

        Assert.Equal(
            [new IovaRange(default, new Iova(0x7ff_ffff)), new IovaRange(new Iova(0x810_0000), new Iova(0x2fff_ffff)), new IovaRange(new Iova(0x3010_0000), new Iova(0xff_ffff_ffff))],
            Board.Ok(container.GetInfo()).UsableRanges);
        Assert.Equal(Errno.EINVAL, rig.Map(container, 0x3000_0000, 0x1000).Errno);
        Assert.Equal(Errno.EINVAL, rig.Map(container, 0x100_0000_0000, 0x1000).Errno);

        Board.Ok(joining.UnsetContainer());
        Board.Ok(rig.Map(container, 0x3000_0000, 0x1000));
        Board.Ok(rig.Map(container, 0x100_0000_0000, 0x1000));
        Result refused = joining.SetContainer(container);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("0x30000000-0x30000fff mapped, inside the reserved region", refused.Reason, StringComparison.Ordinal);
        Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(0x3000_0000), 0x1000));
        refused = joining.SetContainer(container);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("past the end of what mmu-401 translates", refused.Reason, StringComparison.Ordinal);
        Assert.False(narrow.Iommu!.GetStream(narrow.StreamId).IsAttached);
    }

    [Fact]
    public void IOMMUs_with_no_page_size_in_common_cannot_share_a_container()
    {
        Rig rig = new();
        PassthroughDevice a = rig.Device(1, rig.Iommu("smmu-4k", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice b = rig.Device(2, rig.Iommu("smmu-64k", IommuModel.SmmuV3, granule: 0x1_0000), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(a), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Result refused = rig.Open(second).SetContainer(container);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("none in common", refused.Reason, StringComparison.Ordinal);
        Assert.False(b.Iommu!.GetStream(b.StreamId).IsAttached);
        Board.Ok(rig.Map(container, 0x1000, 0x1000));
    }

    [Fact]
    public void A_map_that_one_domain_cannot_take_is_in_none()
    {
        Rig rig = new();
        PassthroughDevice a = rig.Device(1, rig.Iommu("roomy", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice b = rig.Device(2, rig.Iommu("short", IommuModel.SmmuV3, tableLimit: 4), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(a), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Open(second).SetContainer(container));
        Board.Ok(rig.Map(container, 0x1000, 0x1000));
        Assert.Equal(Errno.ENOMEM, rig.Map(container, 0x80_0000_0000, 0x1000).Errno);
        Assert.Equal((1L, 1L, 1, 0x1000UL), (Rig.DomainOf(a).EntryCount, Rig.DomainOf(b).EntryCount, container.MappingCount, rig.Client.Pinned));
    }

    [Fact]
    public void A_group_whose_domain_cannot_take_the_containers_mappings_stays_out_and_leaves_nothing()
    {
        Rig rig = new();
        PassthroughDevice a = rig.Device(1, rig.Iommu("roomy", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice b = rig.Device(2, rig.Iommu("short", IommuModel.SmmuV3, tableLimit: 4), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(a), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Map(container, 0x1000, 0x1000));
        Board.Ok(rig.Map(container, 0x80_0000_0000, 0x1000));
        VfioGroup joining = rig.Open(second);
        Assert.Equal(Errno.ENOMEM, joining.SetContainer(container).Errno);
        Assert.False(b.Iommu!.GetStream(b.StreamId).IsAttached);
        Assert.Equal(Errno.EINVAL, joining.UnsetContainer().Errno);
        Assert.Equal(2L, Rig.DomainOf(a).EntryCount);
    }

    [Fact]
    public void V1_the_window_reaches_every_domain_of_the_container_those_attached_later_too()
    {
        Rig rig = new(V6, MappingPoint.Activate);
        PassthroughDevice[] devices = [rig.Device(1, rig.Iommu("smmu-a", IommuModel.SmmuV3), rig.Its), rig.Device(2, rig.Iommu("smmu-b", IommuModel.SmmuV2), rig.V2m), rig.Device(3, rig.Iommu("smmu-c", IommuModel.SmmuV3), rig.Its)];
        PassthroughGroup[] members = [.. devices.Select(device => rig.Group(device))];
        (VfioContainer container, VfioGroup first) = rig.Contain(members[0]);
        VfioGroup[] groups = [first, rig.Open(members[1]), rig.Open(members[2])];
        Board.Ok(groups[1].SetContainer(container));
        Assert.Equal(2u, Board.Ok(container.GetInfo()).MsiRequirement!.Value.Pages);
        Board.Ok(rig.Register(container, Window, 0x2000));
        Board.Ok(groups[2].SetContainer(container));

        for (int i = 0; i < groups.Length; i++)
        {
            Assert.Equal(Window, Rig.DomainOf(devices[i]).ReservedIovas!.Base.Value);
            Board.Ok(rig.Arm(groups[i], devices[i], 1).Armed);
            Assert.Equal(devices[i].MsiDomain!.Doorbells[0], Rig.Lead(devices[i]));
        }
    }

    // The known mistake: the slot of the window replayed as RAM into a new domain.
    [Fact]
    public void V1_N3_a_new_domain_gets_the_window_and_not_a_mapping_of_memory_there()
    {
        Rig rig = new(V6, MappingPoint.Activate);
        PassthroughDevice a = rig.Device(1, rig.Iommu("smmu-a", IommuModel.SmmuV3), rig.Its);
        PassthroughDevice b = rig.Device(2, rig.Iommu("smmu-b", IommuModel.SmmuV3), rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(a), rig.Group(b));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Register(container, Window, 0x4000));
        Board.Ok(rig.Map(container, 0x1000, 0x1000));
        VfioGroup joining = rig.Open(second);
        Board.Ok(joining.SetContainer(container));

        Assert.Equal(1L, Rig.DomainOf(b).EntryCount);
        for (ulong iova = Window; iova < Window + 0x4000; iova += 0x1000)
        {
            Assert.False(Rig.DomainOf(b).TryTranslate(new Iova(iova), IommuProtection.Read, out _));
        }

        // Its own doorbell is what the window's first page leads to, and the window is counted in it.
        Board.Ok(rig.Arm(joining, b, 2).Armed);
        Assert.Equal(rig.ItsDoorbell, Rig.Lead(b));
        Assert.Equal((1, 2L), (Rig.DomainOf(b).ReservedIovas!.BindingCount, Rig.DomainOf(b).ReservedIovas!.ReferenceCount));
        Assert.Equal(0x1000UL, rig.Client.Pinned);
    }

    // The known mistake: "no domain matched" reported as success.
    [Fact]
    public void V1_I1_where_no_domain_translates_MSIs_a_window_is_refused_and_not_silently_accepted()
    {
        Rig rig = new(V6, MappingPoint.Activate);
        PassthroughDevice pc = rig.Device(1, rig.Iommu("dmar0", IommuModel.VtD), msi: null);
        PassthroughDevice arm = rig.Device(2, rig.Iommu("smmu", IommuModel.SmmuV3), rig.Its);
        (PassthroughGroup bypassing, PassthroughGroup translated) = (rig.Group(pc), rig.Group(arm));
        (VfioContainer container, _) = rig.Contain(bypassing);
        Assert.Null(Board.Ok(container.GetInfo()).MsiRequirement);
        Result refused = rig.Register(container, Window, 0x1000);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("no IOMMU of this container translates MSIs", refused.Reason, StringComparison.Ordinal);

        // Nothing of it is kept: the range is the user's still.
        Board.Ok(rig.Map(container, Window, 0x1000));
        Assert.Equal(0x1000UL, Board.Ok(container.UnmapDma(VfioUnmapFlags.None, new Iova(Window), 0x1000)));

        // One domain that needs it is enough, and the others are left as they are (M7).
        VfioGroup joining = rig.Open(translated);
        Board.Ok(joining.SetContainer(container));
        Assert.Equal(1u, Board.Ok(container.GetInfo()).MsiRequirement!.Value.Pages);
        Board.Ok(rig.Register(container, Window, 0x1000));
        Assert.Null(Rig.DomainOf(pc).ReservedIovas);
        Board.Ok(rig.Arm(joining, arm, 1).Armed);
        Assert.Equal(rig.ItsDoorbell, Rig.Lead(arm));
    }

    // The known mistake: the first group judged before its own domain was in the list, so that nobody judged it.
    [Theory]
    [InlineData(VfioUapi.Mainline)]
    [InlineData(VfioUapi.ReservedIovaV6)]
    public void V3_V2_the_first_group_of_a_container_is_judged_like_every_other(VfioUapi uapi)
    {
        Rig rig = new(new VfioOptions { Uapi = uapi });
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughGroup safe = rig.Group(rig.Device(1, iommu, rig.Its));
        PassthroughGroup unsafeOne = rig.Group(rig.Device(2, iommu, rig.V2m));
        VfioGroup refusedGroup = rig.Open(unsafeOne);
        VfioContainer alone = rig.Host.OpenContainer();
        Board.Ok(refusedGroup.SetContainer(alone));
        Assert.Equal(Errno.EPERM, alone.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.False(unsafeOne.Devices[0].Iommu!.GetStream(unsafeOne.Devices[0].StreamId).IsAttached);
        Board.Ok(refusedGroup.UnsetContainer());

        (VfioContainer container, _) = rig.Contain(safe);
        Assert.Equal(uapi == VfioUapi.ReservedIovaV6, Board.Ok(container.GetInfo()).MsiRequirement is not null);
        Assert.Equal(Errno.EPERM, refusedGroup.SetContainer(container).Errno);
        Assert.Equal(2, rig.Refusals.Count(static refusal => refusal is { Rule: "V3", Errno: Errno.EPERM }));
    }

    [Fact]
    public void V3_one_device_of_a_group_that_nobody_checks_keeps_the_whole_group()
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughGroup group = rig.Group(rig.Device(1, iommu, rig.Its), rig.Device(2, iommu, rig.V2m));
        VfioContainer container = rig.Host.OpenContainer();
        Board.Ok(rig.Open(group).SetContainer(container));
        Result refused = container.SetIommu(VfioIommuType.Type1v2);
        Assert.Equal(Errno.EPERM, refused.Errno);
        Assert.Contains("0000:00:02.0", refused.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_iommu_that_fails_at_the_second_group_takes_the_first_back()
    {
        Rig rig = new();
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughDevice safe = rig.Device(1, iommu, rig.Its);
        (PassthroughGroup first, PassthroughGroup second) = (rig.Group(safe), rig.Group(rig.Device(2, iommu, rig.V2m)));
        VfioContainer container = rig.Host.OpenContainer();
        Board.Ok(rig.Open(first).SetContainer(container));
        Board.Ok(rig.Open(second).SetContainer(container));
        Assert.Equal(Errno.EPERM, container.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.False(container.HasIommu);
        Assert.False(iommu.GetStream(safe.StreamId).IsAttached);
    }

    // The known mistake: only the first device's reserved regions of a group honoured.
    [Theory]
    [InlineData(VfioUapi.Mainline)]
    [InlineData(VfioUapi.ReservedIovaV6)]
    public void I9_N5_the_reserved_regions_of_every_device_of_a_group_are_kept_from_the_user(VfioUapi uapi)
    {
        Rig rig = new(new VfioOptions { Uapi = uapi });
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        ReservedRegion direct = new(new Iova(0x5000_0000), 0x1_0000, ReservedRegionType.Direct);
        ReservedRegion other = new(new Iova(0x6000_0000), 0x1_0000, ReservedRegionType.Reserved);
        PassthroughGroup group = rig.Group(rig.Device(1, iommu, rig.Its), rig.Device(2, iommu, rig.Its, direct), rig.Device(3, iommu, rig.Its, other));
        PassthroughGroup plain = rig.Group(rig.Device(4, iommu, rig.Its));
        (VfioContainer container, VfioGroup opened) = rig.Contain(group);
        foreach (ulong iova in new[] { 0x5000_0000UL, 0x5000_f000UL, 0x6000_0000UL })
        {
            Assert.Equal(Errno.EINVAL, rig.Map(container, iova, 0x1000).Errno);
            Assert.DoesNotContain(Board.Ok(container.GetInfo()).UsableRanges, range => range.First.Value <= iova && iova <= range.Last.Value);
            if (uapi == VfioUapi.ReservedIovaV6)
            {
                Assert.Equal(Errno.EINVAL, rig.Register(container, iova, 0x1000).Errno);
            }
        }

        // The other way round: a mapping that is there keeps the group out.
        opened.Release();
        (container, _) = rig.Contain(plain);
        Board.Ok(rig.Map(container, 0x6000_0000, 0x1000));
        VfioGroup joining = rig.Open(group);
        Result refused = joining.SetContainer(container);
        Assert.Equal((Errno.EINVAL, "N5"), (refused.Errno, rig.Refusals.Last().Rule));
        Board.Ok(container.UnmapDma(VfioUnmapFlags.All, default, 0));
        Board.Ok(joining.SetContainer(container));
    }

    [Fact]
    public void N5_a_window_of_the_user_keeps_a_group_out_whose_reserved_region_it_covers()
    {
        Rig rig = new(V6, MappingPoint.Activate);
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu", IommuModel.SmmuV3);
        PassthroughGroup first = rig.Group(rig.Device(1, iommu, rig.Its));
        PassthroughGroup second = rig.Group(rig.Device(2, iommu, rig.Its, new ReservedRegion(new Iova(Window), 0x1000, ReservedRegionType.Reserved)));
        (VfioContainer container, _) = rig.Contain(first);
        Board.Ok(rig.Register(container, Window, 0x1000));
        Result refused = rig.Open(second).SetContainer(container);
        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("registered as the window for MSI doorbells, inside the reserved region", refused.Reason, StringComparison.Ordinal);
    }
}
