using Doorbell.Fabric;
using Doorbell.Interrupts;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>The data path takes no lock: device threads that write while vectors are armed, freed and handed to others.</summary>
public class DataPathRaceTests
{
    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void N4_A_device_that_never_stops_writing_never_reaches_the_next_owner_of_its_LPI(MappingPoint point)
    {
        TestBoard board = TestBoard.WithIts(point);
        board.StopListening();
        TestMsiDevice villain = board.NewDevice(null);
        TestMsiDevice victim = board.NewDevice(null);
        MsiDeviceVectors own = board.Msi.CreateDeviceVectors(villain);
        MsiDeviceVectors other = board.Msi.CreateDeviceVectors(victim);
        bool stop = false;
        long written = 0;
        var write = new BusWrite(0x40, 0, villain.DeviceId, default);
        var thread = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                board.Its!.Write32(write);
                written++;
            }
        });
        thread.Start();
        var trap = new CountingHandler();
        var mine = new CountingHandler();
        try
        {
            uint? lpi = null;
            for (int i = 0; i < 3000; i++)
            {
                Assert.True(own.Allocate(MsiKind.MsiX, 1).IsOk);
                Assert.True(own.Request(0, mine).IsOk);
                Assert.Equal(lpi ??= own.GetIrq(0)!.Intid, own.GetIrq(0)!.Intid);
                own.Dispose();
                own = board.Msi.CreateDeviceVectors(villain);
                Assert.True(other.Allocate(MsiKind.MsiX, 1).IsOk);
                Assert.True(other.Request(0, trap).IsOk);
                Assert.Equal(lpi, other.GetIrq(0)!.Intid);
                other.Dispose();
                other = board.Msi.CreateDeviceVectors(victim);
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            thread.Join();
        }

        Assert.True(written > 0);
        Assert.Equal(0, trap.Total);
    }

    [Fact]
    public void N4_Affinity_changes_under_fire_lose_no_interrupt()
    {
        TestBoard board = TestBoard.WithIts();
        board.StopListening();
        TestMsiDevice device = board.NewDevice(board.NewDomain());
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(vectors.Request(0, handler).IsOk);
        const int Writes = 50_000;
        int lost = 0;
        var write = new BusWrite(0x40, 0, device.DeviceId, default);
        var thread = new Thread(() =>
        {
            for (int i = 0; i < Writes; i++)
            {
                lost += board.Its!.Write32(write) == BusWriteOutcome.Delivered ? 0 : 1;
            }
        });
        thread.Start();
        for (int cpu = 0; thread.IsAlive; cpu++)
        {
            Assert.True(vectors.SetAffinity(0, cpu & 3).IsOk);
        }

        thread.Join();
        Assert.Equal((0, Writes), (lost, handler.Total));
    }

    [Fact]
    public void N4_Masking_at_the_controller_under_fire_delivers_or_keeps_waiting_but_never_drops()
    {
        TestBoard board = TestBoard.WithIts();
        board.StopListening();
        TestMsiDevice device = board.NewDevice(null);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        var handler = new CountingHandler();
        Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(vectors.Request(0, handler).IsOk);
        IrqData irq = vectors.GetIrq(0)!.Data;
        int delivered = 0, pending = 0, refused = 0;
        var write = new BusWrite(0x40, 0, device.DeviceId, default);
        var thread = new Thread(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                switch (board.Its!.Write32(write))
                {
                    case BusWriteOutcome.Delivered:
                        delivered++;
                        break;
                    case BusWriteOutcome.Pending:
                        pending++;
                        break;
                    default:
                        refused++;
                        break;
                }
            }
        });
        thread.Start();
        while (thread.IsAlive)
        {
            irq.Chip!.Mask(irq);
            irq.Chip.Unmask(irq);
        }

        thread.Join();
        Assert.Equal(0, refused);
        Assert.False(vectors.GetIrq(0)!.IsPending);
        Assert.InRange(handler.Total, delivered + (pending > 0 ? 1 : 0), delivered + pending);
    }
}
