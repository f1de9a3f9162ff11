using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>I9: an IOMMU domain is replaced while vectors are armed.</summary>
public class DomainMoveTests
{
    private readonly TestBoard _board = TestBoard.WithIts();

    [Fact]
    public void I9_The_doorbell_is_mapped_in_the_new_domain_before_the_attach_and_the_message_stays()
    {
        MsiDeviceVectors vectors = Armed(_board.NewDomain(), MsiKind.MsiX, out TestMsiDevice device, out CountingHandler handler);
        IommuDomain old = device.IommuDomain!;
        IommuDomain next = _board.NewDomain();
        device.Log.Clear();
        MsiDomainMove move = vectors.PrepareMove(next).Value;
        Assert.Equal((2L, 2L), (old.ReservedIovas!.ReferenceCount, next.ReservedIovas!.ReferenceCount));
        device.CheckN1();
        device.IommuDomain = next;
        device.CheckN1();
        Assert.True(device.Send(0));
        move.Complete();
        Assert.Empty(device.Log);
        Assert.True(old.IsEmpty);
        Assert.True(device.Send(1));
        Assert.Equal((1, 1), (handler[0], handler[1]));
        vectors.Dispose();
        Assert.True(next.IsEmpty);
    }

    [Theory]
    [InlineData(MsiKind.MsiX)]
    [InlineData(MsiKind.Msi)]
    public void I9_A_message_that_differs_is_rewritten_while_its_vector_is_masked(MsiKind kind)
    {
        MsiDeviceVectors vectors = Armed(_board.NewDomain(), kind, out TestMsiDevice device, out CountingHandler handler);
        IommuDomain old = device.IommuDomain!;
        IommuDomain next = _board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(next.AllocateReservedIovaDomain(new Iova(0x9000_0000), 0x1000, 12).IsOk);
        MsiDomainMove move = vectors.PrepareMove(next).Value;
        Assert.True(device.IsMasked(kind, 0) && device.IsMasked(kind, 1));
        device.IsDetached = true;
        device.IommuDomain = next;
        move.Complete();
        device.IsDetached = false;
        device.CheckN1();
        Assert.Equal(new MsiMessage(0x9000_0040, 1), vectors.GetMessage(1));
        Assert.False(device.IsMasked(kind, 0) || device.IsMasked(kind, 1));
        Assert.True(device.Send(0) && device.Send(1));
        Assert.Equal(2, handler.Total);
        Assert.True(old.IsEmpty);
        vectors.Dispose();
        Assert.True(next.IsEmpty);
    }

    [Fact]
    public void I9_A_new_domain_without_room_leaves_everything_as_it_was()
    {
        MsiDeviceVectors vectors = Armed(_board.NewDomain(), MsiKind.MsiX, out TestMsiDevice device, out _);
        IommuDomain next = _board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.Equal(Errno.EINVAL, vectors.PrepareMove(next).Errno);
        Assert.Equal(Errno.EOPNOTSUPP, vectors.PrepareMove(_board.Smmu.UnattachedDomain).Errno);
        Assert.True(next.IsEmpty);
        Assert.Equal(2, device.IommuDomain!.ReservedIovas!.ReferenceCount);
        Assert.True(device.Send(0));
    }

    [Fact]
    public void I9_By_the_contexts_table_a_domain_with_other_doorbells_first_still_takes_the_message_as_it_is()
    {
        SoftwareMsiTable table = new();
        IommuDomain old = WithTable(table);
        Assert.True(old.GetReservedIova(new PhysicalAddress(0xdead_0000), 0x1000, IommuProtection.Write).IsOk);
        MsiDeviceVectors vectors = Armed(old, MsiKind.MsiX, out TestMsiDevice device, out CountingHandler handler);
        IommuDomain next = WithTable(table);
        device.Log.Clear();
        MsiDomainMove move = vectors.PrepareMove(next).Value;
        device.IommuDomain = next;
        Assert.True(device.Send(0));
        move.Complete();
        old.Free();
        Assert.Empty(device.Log);
        device.CheckN1();
        Assert.True(device.Send(1));
        Assert.Equal(2, handler.Total);
    }

    private IommuDomain WithTable(SoftwareMsiTable table)
    {
        IommuDomain domain = _board.Smmu.AllocateDomain(IommuDomainType.Unmanaged);
        Assert.True(domain.AllocateReservedIovaDomain(new Iova(0x800_0000), 0x10_0000, 12, table).IsOk);
        return domain;
    }

    [Fact]
    public void I9_A_cancelled_move_gives_the_new_references_back()
    {
        MsiDeviceVectors vectors = Armed(_board.NewDomain(), MsiKind.MsiX, out TestMsiDevice device, out _);
        IommuDomain next = _board.NewDomain();
        vectors.PrepareMove(next).Value.Cancel();
        Assert.True(next.IsEmpty);
        Assert.True(device.Send(0));
        vectors.PrepareMove(null).Value.Cancel();
        Assert.True(device.Send(1));
        Assert.Equal(2, device.IommuDomain!.ReservedIovas!.ReferenceCount);
    }

    private MsiDeviceVectors Armed(IommuDomain domain, MsiKind kind, out TestMsiDevice device, out CountingHandler handler)
    {
        device = _board.NewDevice(domain);
        device.Limits[MsiKind.Msi] = 2;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        handler = new CountingHandler();
        Assert.True(vectors.Allocate(kind, 2).IsOk);
        Assert.True(vectors.Request(0, handler).IsOk);
        Assert.True(vectors.Request(1, handler).IsOk);
        return vectors;
    }
}
