using Doorbell.Gic.Events;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

public class VectorTests
{
    private readonly TestBoard _board = TestBoard.WithIts();

    [Fact]
    public void N4_Each_vector_reaches_its_own_handler_and_no_other()
    {
        var devices = new List<(TestMsiDevice Device, CountingHandler Handler)>();
        for (int d = 0; d < 3; d++)
        {
            TestMsiDevice device = _board.NewDevice(_board.NewDomain());
            MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
            var handler = new CountingHandler();
            Assert.True(vectors.Allocate(MsiKind.MsiX, 4).IsOk);
            for (int i = 0; i < 4; i++)
            {
                Assert.True(vectors.Request(i, handler).IsOk);
            }

            devices.Add((device, handler));
        }

        int sent = 0;
        foreach ((TestMsiDevice device, CountingHandler handler) in devices)
        {
            for (int i = 0; i < 4; i++)
            {
                Assert.True(device.Send(i));
                sent++;
                Assert.Equal(1, handler[i]);
                Assert.Equal(sent, devices.Sum(d => d.Handler.Total));
            }
        }
    }

    [Fact]
    public void N4_Through_an_ITS_no_payload_a_device_can_write_raises_another_devices_interrupt()
    {
        TestMsiDevice villain = _board.NewDevice(_board.NewDomain());
        MsiDeviceVectors own = _board.Msi.CreateDeviceVectors(villain);
        TestMsiDevice victim = _board.NewDevice(villain.IommuDomain);
        MsiDeviceVectors other = _board.Msi.CreateDeviceVectors(victim);
        var mine = new CountingHandler();
        var theirs = new CountingHandler();
        Assert.True(own.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(own.Request(0, mine).IsOk);
        Assert.True(other.Allocate(MsiKind.MsiX, 8).IsOk);
        for (int i = 0; i < 8; i++)
        {
            Assert.True(other.Request(i, theirs).IsOk);
        }

        int delivered = 0;
        for (uint data = 0; data < 0x1_0000; data++)
        {
            delivered += _board.Write(villain, _board.Its!.Doorbell, data) ? 1 : 0;
        }

        foreach (uint data in new[] { 0x2000u, 0x8000_0000u, uint.MaxValue })
        {
            delivered += _board.Write(villain, _board.Its!.Doorbell, data) ? 1 : 0;
        }

        // Vector 1 is allocated and not requested: it waits; everything else was refused with a reason.
        Assert.Equal((1, 1, 0), (delivered, mine.Total, theirs.Total));
        Assert.Equal(1, _board.Its!.Pended);
        Assert.Equal(0x1_0000 + 3 - 2, _board.Its.Refused);
        Assert.Equal(_board.Its.Refused, _board.Told<MsiRefusedEvent>().Count(e => e.Reason.Length > 0));
    }

    [Fact]
    public void N4_A_device_that_was_freed_reaches_nobody_though_its_LPIs_have_a_new_owner()
    {
        TestMsiDevice first = _board.NewDevice(null);
        MsiDeviceVectors gone = _board.Msi.CreateDeviceVectors(first);
        Assert.True(gone.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(gone.Request(0, new CountingHandler()).IsOk);
        uint lpi = gone.GetIrq(0)!.Intid;
        gone.Dispose();
        TestMsiDevice second = _board.NewDevice(null);
        MsiDeviceVectors next = _board.Msi.CreateDeviceVectors(second);
        var handler = new CountingHandler();
        Assert.True(next.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(next.Request(0, handler).IsOk);
        Assert.Equal(lpi, next.GetIrq(0)!.Intid);
        Assert.False(_board.Write(first, _board.Its!.Doorbell, 0));
        Assert.Equal(0, handler.Total);
    }

    [Fact]
    public void MSI_X_is_enabled_with_every_vector_masked_and_each_is_unmasked_when_requested()
    {
        TestMsiDevice device = _board.NewDevice(null);
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.Equal(["mask 0", "mask 1", "enable MsiX 2", "message 0 8090040 0", "message 1 8090040 1"], device.Log);
        device.Log.Clear();
        Assert.True(vectors.Request(1, new CountingHandler()).IsOk);
        Assert.Equal(["unmask 1"], device.Log);
        device.Log.Clear();
        vectors.FreeAll();
        Assert.Equal(["mask 1", "message 1 0 0", "disable MsiX 2", "message 0 0 0"], device.Log);
    }

    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void M9_PCI_MSI_is_enabled_once_its_message_is_written_and_off_before_it_is_cleared(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        TestMsiDevice device = board.NewDevice(null);
        device.Limits[MsiKind.Msi] = 4;
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.Msi, 3).IsOk);
        for (int i = 2; i >= 0; i--)
        {
            Assert.True(vectors.Request(i, new CountingHandler()).IsOk);
        }

        Assert.Equal(["message 0 8090040 0", "enable Msi 3"], device.Log.Where(l => !l.Contains("mask", StringComparison.Ordinal)));
        device.Log.Clear();
        vectors.FreeIrq(0);
        Assert.NotEqual(default, device.Held(MsiKind.Msi, 0));
        vectors.FreeAll();
        Assert.Equal(["disable Msi 3", "message 0 0 0"], device.Log.Where(l => !l.Contains("mask", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void N1_PCI_MSI_is_off_while_no_vector_is_armed_and_on_again_with_the_next(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        TestMsiDevice device = board.NewDevice(board.NewDomain());
        device.Limits[MsiKind.Msi] = 4;
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.Msi, 1).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        device.Log.Clear();
        vectors.FreeIrq(0);
        Assert.Equal(["mask 0", "disable Msi 1", "message 0 0 0"], device.Log);
        vectors.Restore();
        Assert.Null(device.EnabledKind);
        var handler = new CountingHandler();
        Assert.True(vectors.Request(0, handler).IsOk);
        Assert.Equal(MsiKind.Msi, device.EnabledKind);
        Assert.True(device.Send(0));
        Assert.Equal(1, handler.Total);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(32)]
    public void M9_PCI_MSI_vectors_have_one_address_and_consecutive_aligned_data(int count)
    {
        TestMsiDevice device = _board.NewDevice(_board.NewDomain());
        device.Limits[MsiKind.Msi] = 32;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        for (int round = 0; round < 3; round++)
        {
            var handler = new CountingHandler();
            Assert.True(vectors.Allocate(MsiKind.Msi, count).IsOk);
            for (int i = 0; i < count; i++)
            {
                Assert.True(vectors.Request(i, handler).IsOk);
                Assert.Equal(new MsiMessage(0x800_0040, (uint)i), vectors.GetMessage(i));
            }

            for (int i = 0; i < count; i++)
            {
                Assert.True(device.Send(i));
                Assert.Equal(1, handler[i]);
            }

            vectors.FreeAll();
        }

        Assert.True(device.IommuDomain!.IsEmpty);
    }

    [Fact]
    public void N4_A_vector_that_the_rounding_of_multiple_message_enable_gives_but_nobody_armed_is_refused()
    {
        TestMsiDevice device = _board.NewDevice(null);
        device.Limits[MsiKind.Msi] = 4;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.Msi, 3).IsOk);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
        }

        Assert.False(device.Send(3));
        Assert.Equal(0, handler.Total);
        Assert.Single(_board.Told<MsiRefusedEvent>());
    }

    [Fact]
    public void M9_MSI_X_does_2048_vectors()
    {
        TestMsiDevice device = _board.NewDevice(_board.NewDomain());
        device.Limits[MsiKind.MsiX] = 2048;
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.MsiX, 2048).IsOk);
        for (int i = 0; i < 2048; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
        }

        Assert.True(device.Send(2047));
        Assert.Equal((1, 1), (handler[2047], handler.Total));
        Assert.Equal(2048, device.IommuDomain!.ReservedIovas!.ReferenceCount);
        vectors.FreeAll();
        Assert.True(device.IommuDomain.IsEmpty);
    }

    [Fact]
    public void A_vector_is_requested_once_and_only_when_allocated()
    {
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(_board.NewDevice(null));
        Assert.Equal(Errno.EINVAL, vectors.Request(0, new CountingHandler()).Errno);
        Assert.Equal(Errno.EINVAL, vectors.SetAffinity(0, 1).Errno);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.Equal(Errno.EINVAL, vectors.Request(1, new CountingHandler()).Errno);
        Assert.Equal(Errno.EINVAL, vectors.Request(-1, new CountingHandler()).Errno);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        Assert.Equal(Errno.EBUSY, vectors.Request(0, new CountingHandler()).Errno);
        Assert.True(vectors.IsRequested(0));
        vectors.FreeIrq(0);
        vectors.FreeIrq(0);
        Assert.True(vectors.IsAllocated(0) && !vectors.IsRequested(0));
    }

    [Fact]
    public void A_vector_added_later_must_be_new_and_in_the_table()
    {
        TestMsiDevice device = _board.NewDevice(_board.NewDomain());
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.Equal(Errno.EINVAL, vectors.AllocateAt(0).Errno);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.Equal(Errno.EBUSY, vectors.AllocateAt(1).Errno);
        Assert.Equal(Errno.EINVAL, vectors.AllocateAt(10).Errno);
        Assert.Equal(Errno.EINVAL, vectors.AllocateAt(-1).Errno);
        Assert.True(vectors.AllocateAt(9).IsOk);
        Assert.True(device.IsMasked(MsiKind.MsiX, 9));
        Assert.Equal(3, vectors.Count);
        vectors.FreeAll();
        Assert.Equal((0, null), (vectors.Count, vectors.Kind));
        Assert.True(device.IommuDomain!.IsEmpty);
    }

    [Fact]
    public void An_interrupt_the_device_raised_while_its_vector_was_free_is_not_delivered_when_it_is_armed_again()
    {
        TestMsiDevice device = _board.NewDevice(null);
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(vectors.Request(0, new CountingHandler()).IsOk);
        MsiMessage old = vectors.GetMessage(0);
        vectors.FreeIrq(0);
        Assert.False(_board.Write(device, new PhysicalAddress(old.Address), old.Data));
        var handler = new CountingHandler();
        Assert.True(vectors.Request(0, handler).IsOk);
        Assert.Equal(0, handler.Total);
    }

    [Fact]
    public void The_data_path_allocates_nothing_while_nobody_listens()
    {
        TestBoard board = TestBoard.WithIts();
        TestMsiDevice device = board.NewDevice(board.NewDomain());
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(vectors.Request(0, handler).IsOk);
        board.StopListening();
        var delivered = new Doorbell.Fabric.BusWrite(0x40, 0, device.DeviceId, default);
        Doorbell.Fabric.BusWrite waiting = delivered with { Data = 1 };
        Doorbell.Fabric.BusWrite refused = delivered with { Data = 99 };
        for (int i = 0; i < 3; i++)
        {
            board.Its!.Write32(delivered);
            board.Its.Write32(waiting);
            board.Its.Write32(refused);
        }

        int attempts = Allocations.None(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                board.Its!.Write32(delivered);
                board.Its.Write32(waiting);
                board.Its.Write32(refused);
            }
        });
        Assert.Equal(3 + (1000 * attempts), handler[0]);
    }
}
