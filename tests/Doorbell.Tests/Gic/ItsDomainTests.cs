using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Msi;
using Doorbell.Tests.Msi;

namespace Doorbell.Tests.Gic;

/// <summary>The ITS's driver: the same commands in the same order as Linux 7.3 (captures of virt, GICv3 + ITS).</summary>
public class ItsDomainTests
{
    private readonly TestBoard _board = TestBoard.WithIts();

    [Fact]
    public void M11_Every_CPU_gets_a_collection_before_anything_is_allocated()
    {
        var board = TestBoard.WithIts();
        var second = new GicV3Its("its@8180000", new PhysicalAddress(0x818_0000), board.Gic, board.Events);
        _ = new ItsDomain(second);
        string[] expected = [.. Enumerable.Range(0, 4).SelectMany(cpu => new[] { $"MAPC ICID 0x{cpu:x} RDbase 0x{cpu:x} V 1", "SYNC", $"INVALL ICID 0x{cpu:x}" })];
        Assert.Equal(expected, board.Told<ItsCommandEvent>().Select(e => e.Command.ToString()));
    }

    [Fact]
    public void M11_Arming_an_MSI_X_vector_is_MAPD_MAPTI_SYNC_INV_SYNC()
    {
        MsiDeviceVectors igb = _board.Msi.CreateDeviceVectors(_board.NewDevice(null, 0x8));
        Assert.True(igb.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(igb.Request(0, new CountingHandler()).IsOk);
        AssertCommands(
            "MAPD DeviceID 0x8 Size 0x3 V 1",
            "MAPTI DeviceID 0x8 EventID 0x0 ICID 0x0 pINTID 0x2000",
            "SYNC",
            "INV DeviceID 0x8 EventID 0x0",
            "SYNC");
    }

    [Fact]
    public void M11_Four_vectors_are_all_mapped_before_the_first_is_enabled()
    {
        MsiDeviceVectors nvme = _board.Msi.CreateDeviceVectors(WithMsiX(0x10, 65));
        Assert.True(nvme.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(nvme.Request(0, new CountingHandler()).IsOk);
        Assert.True(nvme.Request(1, new CountingHandler()).IsOk);
        AssertCommands(
            "MAPD DeviceID 0x10 Size 0x6 V 1",
            "MAPTI DeviceID 0x10 EventID 0x0 ICID 0x0 pINTID 0x2000",
            "SYNC",
            "MAPTI DeviceID 0x10 EventID 0x1 ICID 0x1 pINTID 0x2001",
            "SYNC",
            "INV DeviceID 0x10 EventID 0x0",
            "SYNC",
            "INV DeviceID 0x10 EventID 0x1",
            "SYNC");
    }

    [Fact]
    public void M11_EventIDs_go_by_arming_order_not_by_vector()
    {
        MsiDeviceVectors igb = _board.Msi.CreateDeviceVectors(_board.NewDevice(null, 0x8));
        Assert.True(igb.Allocate(MsiKind.MsiX, 4).IsOk);
        Assert.True(igb.AllocateAt(9).IsOk);
        Assert.Equal(4u, igb.GetMessage(9).Data);
        Assert.True(igb.AllocateAt(7).IsOk);
        Assert.Equal(5u, igb.GetMessage(7).Data);
    }

    [Fact]
    public void M11_Affinity_is_MOVI_alone_and_only_where_it_changes_the_CPU()
    {
        MsiDeviceVectors igb = Armed(_board, 0x8, 1, out TestMsiDevice device);
        _board.Trace.Clear();
        device.Log.Clear();
        MsiMessage before = igb.GetMessage(0);
        Assert.True(igb.SetAffinity(0, 0).IsOk);
        AssertCommands();
        Assert.True(igb.SetAffinity(0, 3).IsOk);
        AssertCommands("MOVI DeviceID 0x8 EventID 0x0 ICID 0x3", "SYNC");
        Assert.Equal(before, igb.GetMessage(0));
        Assert.Empty(device.Log);
        Assert.Equal(Errno.EINVAL, igb.SetAffinity(0, 4).Errno);
        Assert.Equal(3, igb.GetIrq(0)!.Affinity);
    }

    [Fact]
    public void M11_Closing_a_vector_is_INV_then_DISCARD_and_arming_it_again_uses_its_EventID_and_CPU()
    {
        MsiDeviceVectors igb = Armed(_board, 0x8, 2, out _);
        _board.Trace.Clear();
        igb.FreeIrq(1);
        AssertCommands("INV DeviceID 0x8 EventID 0x1", "SYNC", "DISCARD DeviceID 0x8 EventID 0x1", "SYNC");
        Assert.True(igb.SetAffinity(1, 3).IsOk);
        AssertCommands();
        Assert.True(igb.Request(1, new CountingHandler()).IsOk);
        AssertCommands("MAPTI DeviceID 0x8 EventID 0x1 ICID 0x3 pINTID 0x2001", "SYNC", "INV DeviceID 0x8 EventID 0x1", "SYNC");
    }

    [Fact]
    public void M11_Freeing_all_keeps_the_device_table_entry_and_switching_kind_replaces_it()
    {
        TestMsiDevice device = WithMsiX(0x20, 5);
        MsiDeviceVectors e1000e = _board.Msi.CreateDeviceVectors(device);
        Assert.True(e1000e.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.True(e1000e.Request(0, new CountingHandler()).IsOk);
        _board.Trace.Clear();
        e1000e.FreeAll();
        AssertCommands("INV DeviceID 0x20 EventID 0x0", "SYNC", "DISCARD DeviceID 0x20 EventID 0x0", "SYNC");
        Assert.True(e1000e.Allocate(MsiKind.Msi, 1).IsOk);
        AssertCommands(
            "MAPD DeviceID 0x20 Size 0x2 V 0",
            "MAPD DeviceID 0x20 Size 0x0 V 1",
            "MAPTI DeviceID 0x20 EventID 0x0 ICID 0x0 pINTID 0x2000",
            "SYNC");
        e1000e.Dispose();
        AssertCommands("DISCARD DeviceID 0x20 EventID 0x0", "SYNC", "MAPD DeviceID 0x20 Size 0x0 V 0");
    }

    [Fact]
    public void M11_Ranges_of_LPIs_follow_each_other_as_captured()
    {
        uint First(uint id, MsiKind kind, int vectors)
        {
            TestMsiDevice device = _board.NewDevice(null, id);
            device.Limits[kind] = vectors;
            MsiDeviceVectors armed = _board.Msi.CreateDeviceVectors(device);
            Assert.True(armed.Allocate(kind, 1).IsOk);
            return armed.GetIrq(0)!.Intid - 8192;
        }

        // igb 10, nvme 65, edu 1, igb 10, e1000e 5, xhci 16: 0x2003, 0x2013, 0x2093, 0x2094, 0x20a4, 0x20ac on a board whose ports took three.
        Assert.Equal([0u, 0x10u, 0x90u, 0x91u, 0xa1u, 0xa9u], [
            First(0x8, MsiKind.MsiX, 10), First(0x10, MsiKind.MsiX, 65), First(0x18, MsiKind.Msi, 1),
            First(0x100, MsiKind.MsiX, 10), First(0x20, MsiKind.MsiX, 5), First(0x40, MsiKind.Msi, 16)]);
    }

    [Fact]
    public void M11_The_EventID_of_a_failed_allocation_comes_back_where_Linux_leaks_it()
    {
        // A blocked domain has no room for the doorbell: bound to iommufd, not attached.
        TestMsiDevice device = _board.NewDevice(_board.Smmu.UnattachedDomain, 0x8);
        MsiDeviceVectors igb = _board.Msi.CreateDeviceVectors(device);
        Assert.Equal(Errno.ENOSPC, igb.Allocate(MsiKind.MsiX, 1).Errno);
        Assert.Equal(0, igb.Count);
        Assert.Null(device.EnabledKind);
        device.IommuDomain = _board.NewDomain();
        Assert.True(igb.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.Equal(0u, igb.GetMessage(0).Data);
    }

    [Fact]
    public void M11_Functions_behind_one_DeviceID_share_a_table_and_the_last_one_ends_it()
    {
        TestMsiDevice first = WithMsiX(0x300, 4);
        TestMsiDevice second = WithMsiX(0x300, 4);
        MsiDeviceVectors a = _board.Msi.CreateDeviceVectors(first);
        MsiDeviceVectors b = _board.Msi.CreateDeviceVectors(second);
        var handlers = (A: new CountingHandler(), B: new CountingHandler());
        Assert.True(a.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(b.Allocate(MsiKind.MsiX, 2).IsOk);
        Assert.True(a.Request(0, handlers.A).IsOk);
        Assert.True(b.Request(0, handlers.B).IsOk);
        Assert.NotEqual(a.GetMessage(0), b.GetMessage(0));
        Assert.True(first.Send(0));
        Assert.Equal((1, 0), (handlers.A.Total, handlers.B.Total));
        Assert.Equal(Errno.ENOSPC, b.AllocateAt(2).IsOk ? b.AllocateAt(3).Errno : Errno.ENOSPC);
        _board.Trace.Clear();
        a.Dispose();
        Assert.DoesNotContain(_board.Told<ItsCommandEvent>(), e => e.Command.Opcode == ItsOpcode.Mapd);
        Assert.True(second.Send(0));
        b.Dispose();
        Assert.Equal(ItsOpcode.Mapd, _board.Told<ItsCommandEvent>().Last().Command.Opcode);
    }

    [Fact]
    public void M11_Without_an_LPI_left_the_answer_is_ENOSPC_and_a_freed_device_makes_room()
    {
        var board = TestBoard.WithIts(intidBits: 14);
        var held = new List<MsiDeviceVectors>();
        Result last = Result.Ok;
        for (uint i = 0; last.IsOk; i++)
        {
            TestMsiDevice device = board.NewDevice(null, i);
            device.Limits[MsiKind.MsiX] = 2048;
            MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
            last = vectors.Allocate(MsiKind.MsiX, 1);
            held.Add(vectors);
        }

        Assert.Equal(5, held.Count);
        Assert.Equal(Errno.ENOSPC, last.Errno);
        held[1].Dispose();
        Assert.True(held[4].Allocate(MsiKind.MsiX, 1).IsOk);
    }

    [Fact]
    public void A_DeviceID_the_ITS_cannot_hold_is_refused_by_MAPD_and_leaves_nothing()
    {
        MsiDeviceVectors vectors = _board.Msi.CreateDeviceVectors(_board.NewDevice(null, 0x1_0000));
        Result result = vectors.Allocate(MsiKind.MsiX, 1);
        Assert.Equal(Errno.ENOSPC, result.Errno);
        Assert.Contains("DeviceOutOfRange", result.Reason!, StringComparison.Ordinal);
        // The queue stalls there; the driver puts a SYNC in the command's place and goes on.
        Assert.Equal(["its.error", "its.command"], _board.Told<ItsCommandEvent>().Select(e => e.Kind));
        MsiDeviceVectors good = _board.Msi.CreateDeviceVectors(_board.NewDevice(null, 0x8));
        Assert.True(good.Allocate(MsiKind.MsiX, 1).IsOk);
        Assert.Equal(8192u, good.GetIrq(0)!.Intid);
    }

    [Fact]
    public void M2_Behind_a_pre_ITS_every_DeviceIDs_word_is_a_doorbell_and_the_ITSs_own_register_is_none()
    {
        var board = TestBoard.WithIts();
        var its = new GicV3Its("its@30020000", new PhysicalAddress(0x3002_0000), board.Gic, board.Events);
        var window = new PreItsWindow(its, new PhysicalAddress(0x5800_0000), 0x20_0000);
        var domain = new ItsDomain(its, window);
        Assert.True(domain.IsDoorbell(window.DoorbellOf(new DeviceId(0))));
        Assert.True(domain.IsDoorbell(window.DoorbellOf(new DeviceId(0x7_ffff))));
        Assert.False(domain.IsDoorbell(window.Base + window.Size));
        Assert.False(domain.IsDoorbell(new PhysicalAddress(0x57ff_fffc)));
        Assert.False(domain.IsDoorbell(its.Doorbell));
        MsiDomain msi = Doorbell.Machines.MsiDomains.PciMsi(domain, board.Events, MappingPoint.Alloc);
        Assert.True(msi.IsDoorbell(window.DoorbellOf(new DeviceId(0x100))));

        // V2: two devices whose words are on two pages need two.
        Assert.Equal([new PhysicalAddress(0x5800_0400)], msi.DoorbellsOf(new DeviceId(0x100)));
        Assert.Equal([new PhysicalAddress(0x5800_1400)], msi.DoorbellsOf(new DeviceId(0x500)));
        Assert.Equal([board.Its!.Doorbell], board.Msi.DoorbellsOf(new DeviceId(0x500)));
    }

    private static MsiDeviceVectors Armed(TestBoard board, uint deviceId, int count, out TestMsiDevice device)
    {
        device = board.NewDevice(null, deviceId);
        MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
        Assert.True(vectors.Allocate(MsiKind.MsiX, count).IsOk);
        for (int i = 0; i < count; i++)
        {
            Assert.True(vectors.Request(i, new CountingHandler()).IsOk);
        }

        return vectors;
    }

    private TestMsiDevice WithMsiX(uint deviceId, int vectors)
    {
        TestMsiDevice device = _board.NewDevice(null, deviceId);
        device.Limits[MsiKind.MsiX] = vectors;
        return device;
    }

    private void AssertCommands(params string[] expected)
    {
        Assert.Equal(expected, _board.Told<ItsCommandEvent>().Select(e => e.Command.ToString()));
        _board.Trace.Clear();
    }
}
