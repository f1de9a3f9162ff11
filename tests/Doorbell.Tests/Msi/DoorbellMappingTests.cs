using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Msi;
using Doorbell.Msi.Events;

namespace Doorbell.Tests.Msi;

public class DoorbellMappingTests
{
    public static TheoryData<MappingPoint> Points => [MappingPoint.Activate, MappingPoint.Alloc];

    [Theory]
    [MemberData(nameof(Points))]
    public void M4_The_device_holds_the_doorbells_IOVA_with_the_same_offset_in_its_page(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        MsiDeviceVectors igb = Armed(board, board.NewDomain(), 1, out TestMsiDevice device, out CountingHandler handler);
        Assert.Equal(new MsiMessage(0x800_0040, 0), device.Held(MsiKind.MsiX, 0));
        Assert.Equal(device.Held(MsiKind.MsiX, 0), igb.GetMessage(0));
        IommuMapEvent map = Assert.Single(board.Told<IommuMapEvent>());
        Assert.Equal(
            (0x800_0000ul, 0x809_0000ul, 0x1000ul, 0x1a),
            (map.Iova.Value, map.PhysicalAddress.Value, map.Size, (int)map.Protection));
        Assert.True(device.Send(0));
        Assert.Equal(1, handler[0]);
    }

    [Theory]
    [InlineData(0x4000ul, 0x800_0040ul)]
    [InlineData(0x1_0000ul, 0x800_0040ul)]
    public void M4_A_doorbell_is_mapped_by_the_domains_own_granule(ulong granule, ulong address)
    {
        TestBoard board = TestBoard.WithIts();
        var smmu = new Doorbell.Iommu.Iommu("smmu", IommuModel.SmmuV3, board.Events, new IommuOptions { Granule = granule });
        IommuDomain domain = smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, granule == 0x4000 ? 14 : 16).IsOk);
        Armed(board, domain, 1, out TestMsiDevice device, out _);
        Assert.Equal(address, device.Held(MsiKind.MsiX, 0).Address);
        Assert.Equal(granule, board.Told<IommuMapEvent>().Single().Size);
    }

    [Fact]
    public void M4_A_wider_window_granule_than_the_domains_still_gives_the_doorbells_own_address()
    {
        TestBoard board = TestBoard.WithV2m();
        IommuDomain domain = board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x1000_0000), 0x10_0000, 16).IsOk);
        Armed(board, domain, 1, out TestMsiDevice device, out CountingHandler handler);
        Assert.True(device.Send(0));
        Assert.Equal(1, handler[0]);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void N2_A_page_is_mapped_once_with_a_reference_a_vector_and_unmapped_with_the_last(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        IommuDomain domain = board.NewDomain();
        MsiDeviceVectors a = Armed(board, domain, 3, out _, out _);
        MsiDeviceVectors b = Armed(board, domain, 2, out _, out _);
        DoorbellBinding binding = Assert.Single(domain.ReservedIovas!.GetBindings());
        Assert.Equal(5, binding.References);
        Assert.Single(board.Told<IommuMapEvent>());
        a.FreeIrq(0);
        Assert.Equal(point == MappingPoint.Activate ? 4 : 5, binding.References);
        a.FreeAll();
        Assert.Equal(2, binding.References);
        Assert.Empty(board.Told<IommuUnmapEvent>());
        b.FreeAll();
        Assert.Equal(0, binding.References);
        Assert.Single(board.Told<IommuUnmapEvent>());
        Assert.True(domain.IsEmpty);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void M6_The_message_leaves_the_device_before_the_doorbell_is_unmapped(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        MsiDeviceVectors igb = Armed(board, board.NewDomain(), 1, out TestMsiDevice device, out _);
        board.Trace.Clear();
        device.Log.Clear();
        igb.FreeIrq(0);
        igb.FreeAll();
        Assert.Equal(["mask 0", "message 0 0 0", "disable MsiX 1"], device.Log);
        int cleared = board.Trace.FindIndex(e => e is MsiMessageEvent { Message.Address: 0 });
        int unmapped = board.Trace.FindIndex(e => e is IommuUnmapEvent);
        Assert.True(cleared >= 0 && cleared < unmapped);
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void M6_A_doorbell_that_cannot_be_mapped_undoes_everything_and_says_why(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        IommuDomain domain = board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        TestMsiDevice device = board.NewDevice(domain);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Result allocated = vectors.Allocate(MsiKind.MsiX, 2);
        if (point == MappingPoint.Alloc)
        {
            Assert.Equal(Errno.ENOSPC, allocated.Errno);
            Assert.Contains("no window", allocated.Reason!, StringComparison.Ordinal);
        }
        else
        {
            Assert.True(allocated.IsOk);
            Result requested = vectors.Request(1, new CountingHandler());
            Assert.Equal(Errno.EINVAL, requested.Errno);
            Assert.False(vectors.IsRequested(1));
            Assert.False(vectors.GetIrq(1)!.IsActivated);
            Assert.Null(vectors.GetIrq(1)!.Handler);
            vectors.FreeAll();
        }

        Assert.Null(device.EnabledKind);
        Assert.Equal(default, device.Held(MsiKind.MsiX, 1));
        Assert.True(domain.IsEmpty);
        Assert.Equal(0, vectors.Count);

        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x1000, 12).IsOk);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(vectors.Request(1, new CountingHandler()).IsOk);
        Assert.Equal(1u, vectors.GetMessage(1).Data);
    }

    [Fact]
    public void M6_References_balance_when_the_domain_ends_before_the_vectors()
    {
        TestBoard board = TestBoard.WithIts();
        IommuDomain domain = board.NewDomain();
        MsiDeviceVectors igb = Armed(board, domain, 2, out TestMsiDevice device, out _);
        device.IsDetached = true;
        domain.Free();
        igb.Dispose();
        Assert.True(domain.IsEmpty);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(IommuDomainType.Identity)]
    public void M7_Without_a_translation_the_message_is_the_physical_doorbell_and_nothing_is_mapped(IommuDomainType? type)
    {
        TestBoard board = TestBoard.WithIts();
        IommuDomain? domain = type is { } wanted ? board.Smmu.AllocateDomain(wanted) : null;
        MsiDeviceVectors igb = Armed(board, domain, 2, out TestMsiDevice device, out CountingHandler handler);
        Assert.Equal(new MsiMessage(0x809_0040, 1), device.Held(MsiKind.MsiX, 1));
        Assert.True(device.Send(1));
        Assert.Equal(1, handler[1]);
        igb.Dispose();
        Assert.DoesNotContain(board.Trace, e => e.Kind.StartsWith("iommu.", StringComparison.Ordinal) || e.Kind.StartsWith("doorbell.", StringComparison.Ordinal));
    }

    [Fact]
    public void M8_Both_mapping_points_leave_the_same_messages_in_the_device()
    {
        TestBoard early = TestBoard.WithIts(MappingPoint.Alloc);
        TestBoard late = TestBoard.WithIts(MappingPoint.Activate);
        Armed(early, early.NewDomain(), 4, out TestMsiDevice a, out _);
        Armed(late, late.NewDomain(), 4, out TestMsiDevice b, out _);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(a.Held(MsiKind.MsiX, i), b.Held(MsiKind.MsiX, i));
            Assert.False(a.IsMasked(MsiKind.MsiX, i) || b.IsMasked(MsiKind.MsiX, i));
        }
    }

    [Fact]
    public void M8_At_alloc_the_doorbell_is_mapped_before_any_vector_is_requested_and_stays_over_free_irq()
    {
        TestBoard board = TestBoard.WithIts(MappingPoint.Alloc);
        IommuDomain domain = board.NewDomain();
        TestMsiDevice device = board.NewDevice(domain);
        MsiDeviceVectors igb = board.Msi.CreateDeviceVectors(device);
        Assert.True(igb.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.Equal(new MsiMessage(0x800_0040, 0), device.Held(MsiKind.MsiX, 0));
        Assert.True(device.IsMasked(MsiKind.MsiX, 0));
        Assert.True(igb.Request(0, new CountingHandler()).IsOk);
        igb.FreeIrq(0);
        Assert.Equal(1, domain.ReservedIovas!.ReferenceCount);
        board.Trace.Clear();
        Assert.True(igb.Request(0, new CountingHandler()).IsOk);
        Assert.DoesNotContain(board.Trace, e => e.Kind.StartsWith("doorbell.", StringComparison.Ordinal));
    }

    [Fact]
    public void M8_At_activate_nothing_is_mapped_until_a_vector_is_requested()
    {
        TestBoard board = TestBoard.WithIts(MappingPoint.Activate);
        IommuDomain domain = board.NewDomain();
        TestMsiDevice device = board.NewDevice(domain);
        MsiDeviceVectors igb = board.Msi.CreateDeviceVectors(device);
        Assert.True(igb.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(domain.IsEmpty);
        Assert.Equal(default, device.Held(MsiKind.MsiX, 0));
        Assert.True(igb.Request(1, new CountingHandler()).IsOk);
        Assert.Equal(1, domain.ReservedIovas!.ReferenceCount);
        igb.FreeIrq(1);
        Assert.True(domain.IsEmpty);
    }

    [Fact]
    public void I9_With_mainlines_cookie_the_page_stays_until_the_domain_goes()
    {
        TestBoard board = TestBoard.WithIts();
        IommuDomain domain = board.NewDomain(DoorbellRetention.UntilDomainFreed);
        MsiDeviceVectors igb = Armed(board, domain, 2, out _, out _);
        igb.Dispose();
        Assert.Equal(0, domain.ReservedIovas!.ReferenceCount);
        Assert.Equal(1, domain.EntryCount);
        Armed(board, domain, 1, out _, out _);
        Assert.Single(board.Told<IommuMapEvent>());
        domain.Free();
        Assert.Equal(0, domain.EntryCount);
    }

    private static MsiDeviceVectors Armed(TestBoard board, IommuDomain? domain, int count, out TestMsiDevice device, out CountingHandler handler)
    {
        device = board.NewDevice(domain);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.MsiX, count).IsOk);
        for (int i = 0; i < count; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
        }

        return vectors;
    }
}
