using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Tests.Msi;

namespace Doorbell.Tests.Gic;

public class GicV2mTests
{
    private readonly TestBoard _board = TestBoard.WithV2m();

    [Fact]
    public void M10_The_frame_s_registers_say_its_SPIs_and_its_maker()
    {
        GicV2mFrame frame = _board.V2m!;
        Assert.Equal((80u << 16) | 64, frame.Read32(GicV2mFrame.TyperOffset));
        Assert.Equal(0x43bu, frame.Read32(GicV2mFrame.IidrOffset));
        Assert.Equal((0u, 0u), (frame.Read32(GicV2mFrame.SetSpiOffset), frame.Read32(0x100)));
    }

    [Fact]
    public void M10_The_message_is_MSI_SETSPI_NS_and_the_SPI()
    {
        MsiDeviceVectors edu = Armed(MsiKind.Msi, 1, out TestMsiDevice device, out CountingHandler handler);
        Assert.Equal(new MsiMessage(0x802_0040, 80), edu.GetMessage(0));
        Assert.Equal(0x0050_0040u, _board.V2m!.Typer);
        Assert.True(device.Send(0));
        Assert.Equal(1, handler[0]);
    }

    [Fact]
    public void N4_On_v2m_a_device_can_raise_another_devices_interrupt_which_is_why_it_is_unsafe()
    {
        Armed(MsiKind.MsiX, 1, out TestMsiDevice villain, out CountingHandler own);
        MsiDeviceVectors other = Armed(MsiKind.MsiX, 1, out TestMsiDevice victim, out CountingHandler theirs);
        uint spi = other.GetMessage(0).Data;
        Assert.True(_board.Write(villain, _board.V2m!.Doorbell, spi));
        Assert.Equal((0, 1), (own.Total, theirs.Total));
        MsiDeliverEvent told = _board.Told<MsiDeliverEvent>().Last();
        Assert.Equal((villain.DeviceId, victim.Name), (told.DeviceId, told.Device));
        Assert.False(_board.Msi.IsIsolated);
    }

    [Fact]
    public void N4_An_SPI_of_nobody_or_of_another_frame_is_refused_with_a_reason()
    {
        Armed(MsiKind.MsiX, 1, out TestMsiDevice device, out CountingHandler handler);
        Assert.Equal(BusWriteOutcome.Refused, _board.WriteOutcome(device, _board.V2m!.Doorbell, 81));
        Assert.Contains("nobody", _board.Told<MsiRefusedEvent>().Last().Reason, StringComparison.Ordinal);
        Assert.Equal(BusWriteOutcome.Refused, _board.WriteOutcome(device, _board.V2m.Doorbell, 79));
        Assert.Contains("not one of the frame's", _board.Told<MsiRefusedEvent>().Last().Reason, StringComparison.Ordinal);
        Assert.Equal(BusWriteOutcome.Refused, _board.WriteOutcome(device, _board.V2m.Doorbell, 144));
        Assert.Equal(3, _board.V2m.Refused);
        Assert.Equal(BusWriteOutcome.Ignored, _board.WriteOutcome(device, _board.V2m.Base, 80));
        Assert.Equal(0, handler.Total);
    }

    [Fact]
    public void N4_A_stray_write_to_a_free_SPI_does_not_reach_its_next_owner()
    {
        TestMsiDevice stray = _board.NewDevice(null);
        _board.WriteOutcome(stray, _board.V2m!.Doorbell, 80);
        Armed(MsiKind.MsiX, 1, out _, out CountingHandler handler);
        Assert.Equal(0, handler.Total);
    }

    [Fact]
    public void M10_Three_vectors_of_PCI_MSI_get_a_block_of_four_that_is_aligned()
    {
        // The captured kernel gives 0x65 here, and the third vector another device's SPI.
        Armed(MsiKind.MsiX, 5, out _, out _);
        MsiDeviceVectors xhci = Armed(MsiKind.Msi, 3, out TestMsiDevice device, out CountingHandler handler);
        Assert.Equal(88u, xhci.GetMessage(0).Data);
        Assert.Equal(90u, xhci.GetMessage(2).Data);
        Assert.Equal(["message 0 8020040 58"], device.Log.Where(l => l.StartsWith("message", StringComparison.Ordinal)));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(device.Send(i));
            Assert.Equal(1, handler[i]);
        }

        Assert.False(device.Send(3));
        Assert.Contains("SPI 91", _board.Told<MsiRefusedEvent>().Last().Reason, StringComparison.Ordinal);
        Armed(MsiKind.MsiX, 4, out TestMsiDevice next, out _);
        Assert.Equal([85u, 86u, 87u, 92u], Enumerable.Range(0, 4).Select(i => next.Held(MsiKind.MsiX, i).Data));
    }

    [Fact]
    public void M10_An_exhausted_frame_is_ENOSPC_and_everything_is_undone()
    {
        MsiDeviceVectors most = Armed(MsiKind.MsiX, 60, out _, out _);
        TestMsiDevice device = NewDevice(MsiKind.MsiX, 10);
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        Assert.Equal(Errno.ENOSPC, vectors.Allocate(MsiKind.MsiX, 5).Errno);
        Assert.Equal(0, vectors.Count);
        Assert.Null(vectors.Kind);
        Assert.Null(device.EnabledKind);
        Assert.Equal(default, device.Held(MsiKind.MsiX, 0));
        Assert.Equal(4, vectors.AllocateRange(MsiKind.MsiX, 1, 5).Value);
        vectors.FreeAll();
        most.FreeAll();
        Assert.Equal(60, most.AllocateRange(MsiKind.MsiX, 1, 100).Value);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 4).IsOk);
        Assert.Equal(144u - 4, vectors.GetMessage(0).Data);
    }

    [Fact]
    public void M10_A_second_frame_takes_over_where_the_first_is_full()
    {
        GicV2mFrame first = GicV2mFrame.Create("v2m0", new PhysicalAddress(0x1000_0000), 160, 2, _board.Gic, _board.Events).Value;
        GicV2mFrame second = GicV2mFrame.Create("v2m1", new PhysicalAddress(0x1000_1000), 162, 2, _board.Gic, _board.Events).Value;
        _board.Add(first.Base, GicV2mFrame.FrameSize, first, first.Doorbell);
        _board.Add(second.Base, GicV2mFrame.FrameSize, second, second.Doorbell);
        MsiDomain domain = MsiDomains.PciMsi(new GicV2mDomain("v2m", _board.Gic, [first, second], _board.Events), _board.Events);
        TestMsiDevice device = NewDevice(MsiKind.MsiX, 4);
        MsiDeviceVectors vectors = domain.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, 4).IsOk);
        var handler = new CountingHandler();
        for (int i = 0; i < 4; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
            Assert.True(device.Send(i));
            Assert.Equal(1, handler[i]);
        }

        Assert.Equal(second.Doorbell.Value, vectors.GetMessage(2).Address);
        Assert.Equal(4, _board.Told<GicV2mAllocEvent>().Count());
    }

    [Theory]
    [InlineData(31u, 4u)]
    [InlineData(80u, 0u)]
    [InlineData(280u, 9u)]
    [InlineData(80u, uint.MaxValue)]
    public void M10_A_frame_with_SPIs_the_GIC_lacks_is_EINVAL(uint spiBase, uint count) =>
        Assert.Equal(Errno.EINVAL, GicV2mFrame.Create("v2m", default, spiBase, count, _board.Gic, _board.Events).Errno);

    [Fact]
    public void M10_No_vector_is_added_later_on_v2m_as_captured()
    {
        MsiDeviceVectors igb = Armed(MsiKind.MsiX, 1, out _, out _);
        Assert.Equal(Errno.EINVAL, igb.AllocateAt(1).Errno);
    }

    [Fact]
    public void M10_Affinity_is_the_distributors_and_leaves_the_message()
    {
        MsiDeviceVectors edu = Armed(MsiKind.Msi, 1, out TestMsiDevice device, out _);
        device.Log.Clear();
        Assert.True(edu.SetAffinity(0, 2).IsOk);
        Assert.Empty(device.Log);
        Assert.True(device.Send(0));
        Assert.Equal(2, _board.Told<MsiDeliverEvent>().Last().Cpu);
        Assert.Equal(Errno.EINVAL, edu.SetAffinity(0, 4).Errno);
    }

    private TestMsiDevice NewDevice(MsiKind kind, int limit)
    {
        TestMsiDevice device = _board.NewDevice(null);
        device.Limits[kind] = limit;
        return device;
    }

    private MsiDeviceVectors Armed(MsiKind kind, int count, out TestMsiDevice device, out CountingHandler handler)
    {
        device = NewDevice(kind, count);
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(device);
        handler = new CountingHandler();
        Assert.True(vectors.Allocate(kind, count).IsOk);
        for (int i = 0; i < count; i++)
        {
            Assert.True(vectors.Request(i, handler).IsOk);
        }

        return vectors;
    }
}
