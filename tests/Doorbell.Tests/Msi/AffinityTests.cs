using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Msi;
using Doorbell.Msi.Events;

namespace Doorbell.Tests.Msi;

/// <summary>M5, on a controller whose doorbell depends on the CPU.</summary>
public class AffinityTests
{
    private readonly TestBoard _board = TestBoard.WithDoorbellPerCpu(MappingPoint.Activate);

    [Fact]
    public void M5_SetAffinity_releases_the_old_doorbell_only_after_the_device_holds_the_new_message()
    {
        MsiDeviceVectors vectors = Armed(_board, 1, out TestMsiDevice device, out IommuDomain domain);
        MsiMessage before = vectors.GetMessage(0);
        _board.Trace.Clear();
        device.Log.Clear();
        bool bothMapped = false;
        device.BeforeWrite = (_, _, next) =>
            bothMapped = domain.TryTranslate(new Iova(before.Address), IommuProtection.Write, out _)
                && domain.TryTranslate(new Iova(next.Address), IommuProtection.Write, out _);
        Assert.True(vectors.SetAffinity(0, 1).IsOk);

        Assert.True(bothMapped);
        MsiMessage after = device.Held(MsiKind.MsiX, 0);
        Assert.Equal(after, vectors.GetMessage(0));
        Assert.NotEqual(before.Address, after.Address);
        Assert.Equal(["mask 0", $"message 0 {after.Address:x} 20", "unmask 0"], device.Log);
        Assert.Equal(
            ["iommu.map", "msi.message", "iommu.invalidate", "iommu.unmap", "msi.affinity"],
            _board.Trace.Select(e => e.Kind).Where(k => !k.StartsWith("doorbell.", StringComparison.Ordinal)));
        Assert.Equal(1, domain.ReservedIovas!.ReferenceCount);
        Assert.False(domain.TryTranslate(new Iova(before.Address), IommuProtection.Write, out _));
    }

    [Fact]
    public void M5_A_new_doorbell_that_cannot_be_mapped_leaves_vector_message_and_mapping_as_they_were()
    {
        MsiDeviceVectors vectors = Armed(_board, 1, out TestMsiDevice device, out IommuDomain domain, windowSize: 0x1000);
        MsiMessage before = vectors.GetMessage(0);
        device.Log.Clear();
        Result result = vectors.SetAffinity(0, 1);
        Assert.Equal(Errno.ENOMEM, result.Errno);
        Assert.Empty(device.Log);
        Assert.Equal(0, vectors.GetIrq(0)!.Affinity);
        Assert.Equal(before, vectors.GetMessage(0));
        Assert.Equal(1, domain.ReservedIovas!.ReferenceCount);
        device.CheckN1();
        vectors.Dispose();
        Assert.True(domain.IsEmpty);
    }

    [Fact]
    public void M5_A_doorbell_in_the_same_page_keeps_the_mapping_and_balances_the_references()
    {
        TestBoard board = TestBoard.WithDoorbellPerCpu(MappingPoint.Activate, stride: 0x100);
        MsiDeviceVectors vectors = Armed(board, 2, out _, out IommuDomain domain);
        board.Trace.Clear();
        Assert.True(vectors.SetAffinity(0, 3).IsOk);
        Assert.Equal(0x800_0340ul, vectors.GetMessage(0).Address);
        Assert.Empty(board.Told<IommuMapEvent>());
        Assert.Empty(board.Told<IommuUnmapEvent>());
        Assert.Equal(2, domain.ReservedIovas!.ReferenceCount);
    }

    [Fact]
    public void M5_An_unchanged_message_touches_neither_device_nor_mapping()
    {
        MsiDeviceVectors vectors = Armed(_board, 1, out TestMsiDevice device, out _);
        device.Log.Clear();
        _board.Trace.Clear();
        Assert.True(vectors.SetAffinity(0, 0).IsOk);
        Assert.Empty(device.Log);
        Assert.IsType<MsiVectorEvent>(Assert.Single(_board.Trace));
    }

    [Fact]
    public void M5_A_vector_that_is_not_active_yet_moves_without_a_message()
    {
        TestMsiDevice device = _board.NewDevice(_board.NewDomain());
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        device.Log.Clear();
        Assert.True(vectors.SetAffinity(0, 2).IsOk);
        Assert.Empty(device.Log);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.True(device.IommuDomain!.TryTranslate(new Iova(vectors.GetMessage(0).Address), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(0xa00_2040ul, pa.Value);
    }

    [Fact]
    public void M8_At_alloc_affinity_only_translates_and_another_page_is_refused_with_nothing_changed()
    {
        TestBoard board = TestBoard.WithDoorbellPerCpu(MappingPoint.Alloc);
        MsiDeviceVectors vectors = Armed(board, 1, out TestMsiDevice device, out _);
        MsiMessage before = vectors.GetMessage(0);
        Result result = vectors.SetAffinity(0, 1);
        Assert.Equal(Errno.EINVAL, result.Errno);
        Assert.Contains("M8", result.Reason!, StringComparison.Ordinal);
        Assert.Equal((before, 0), (device.Held(MsiKind.MsiX, 0), vectors.GetIrq(0)!.Affinity));

        TestBoard near = TestBoard.WithDoorbellPerCpu(MappingPoint.Alloc, stride: 0x100);
        vectors = Armed(near, 1, out _, out IommuDomain domain);
        near.Trace.Clear();
        Assert.True(vectors.SetAffinity(0, 1).IsOk);
        Assert.Equal(0x800_0140ul, vectors.GetMessage(0).Address);
        Assert.DoesNotContain(near.Trace, e => e.Kind.StartsWith("doorbell.", StringComparison.Ordinal));
        Assert.Equal(1, domain.ReservedIovas!.ReferenceCount);
    }

    [Fact]
    public void M9_One_message_for_several_vectors_cannot_follow_one_of_them()
    {
        TestMsiDevice device = _board.NewDevice(_board.NewDomain());
        device.Limits[MsiKind.Msi] = 2;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.Msi, 2).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.True(vectors.Request(1, new CountingHandler()).IsOk);
        MsiMessage before = device.Held(MsiKind.Msi, 0);
        Assert.Equal(Errno.EINVAL, vectors.SetAffinity(1, 2).Errno);
        Assert.Equal((before, 0), (device.Held(MsiKind.Msi, 0), vectors.GetIrq(1)!.Affinity));
        vectors.Dispose();
        Assert.True(device.IommuDomain!.IsEmpty);
    }

    private static MsiDeviceVectors Armed(TestBoard board, int count, out TestMsiDevice device, out IommuDomain domain, ulong windowSize = 0x10_0000)
    {
        domain = board.NewDomain(windowSize: windowSize);
        device = board.NewDevice(domain);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, count).IsOk);
        for (int i = 0; i < count; i++)
        {
            Assert.True(vectors.Request(i, new CountingHandler()).IsOk);
        }

        return vectors;
    }
}
