using Doorbell.Fabric;
using Doorbell.Msi;
using Doorbell.Tests.Msi;
using Doorbell.X86;
using Doorbell.X86.Events;

namespace Doorbell.Tests.X86;

/// <summary>MSI through interrupt remapping: the message names an entry, the entry says where to and whose.</summary>
public class RemappingTests
{
    private readonly X86Rig _rig = X86Rig.WithVtd();

    [Fact]
    public void M4_The_message_is_the_captured_one_a_handle_with_subhandle_0()
    {
        (X86Rig.X86Device device, _, CountingHandler[] handlers) = _rig.Arm(0x100, 3);
        Assert.Equal([new MsiMessage(0xfee0_0018, 0), new MsiMessage(0xfee0_0038, 0), new MsiMessage(0xfee0_0058, 0)], device.Held.Values);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(BusWriteOutcome.Delivered, _rig.Send(device, i));
            Assert.Equal(1, handlers[i].Total);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void M1_M2_A_remapping_unit_isolates(bool vtd)
    {
        X86Rig rig = vtd ? _rig : X86Rig.WithAmd();
        Assert.True(rig.Msi.Info.IrqRemapping);
        Assert.True(rig.Msi.HasIsolatedMsi);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void M5_SetAffinity_changes_the_entry_and_the_device_is_not_touched(bool vtd)
    {
        X86Rig rig = vtd ? _rig : X86Rig.WithAmd();
        (X86Rig.X86Device device, MsiDeviceVectors vectors, CountingHandler[] handlers) = rig.Arm(0x100, 1);
        (MsiMessage before, int writes) = (device.Held[0], device.Writes);
        rig.Trace.Clear();
        Assert.True(vectors.SetAffinity(0, 2).IsOk);
        Assert.Equal((before, writes), (device.Held[0], device.Writes));
        RemapEntryEvent entry = Assert.Single(rig.Trace.OfType<RemapEntryEvent>());
        Assert.Equal((0u, 2), (entry.Index, entry.Entry!.Cpu));
        Assert.Equal(BusWriteOutcome.Delivered, rig.Send(device, 0));
        Assert.Equal(2, rig.Trace.OfType<Doorbell.Gic.Events.MsiDeliverEvent>().Single().Cpu);
        Assert.Equal(1, handlers[0].Total);
    }

    [Fact]
    public void N4_A_foreign_source_is_refused_with_fault_26h()
    {
        (X86Rig.X86Device device, _, CountingHandler[] handlers) = _rig.Arm(0x100, 1);
        Assert.Equal(BusWriteOutcome.Refused, _rig.Write(0x208, device.Held[0].Address, device.Held[0].Data));
        Assert.Equal("26h: entry 0x0 takes writes of 01:00.0, not of 02:01.0", _rig.LastRefusal);
        Assert.Equal((0, 1L), (handlers[0].Total, _rig.Vtd.Refused));
    }

    [Theory]
    [InlineData(0xfee0_0000UL, 0x21u, "25h: an interrupt in compatibility format is blocked while remapping is on")]
    [InlineData(0xfee0_0018UL, 0x1_0000u, "20h: data 0x10000 beside a subhandle has bits that are reserved")]
    [InlineData(0xfee0_0018UL, 0x100u, "21h: entry 0x100 is beyond the table (256 entries)")]
    [InlineData(0xfee0_0038UL, 0u, "22h: entry 0x1 is not present")]
    public void N4_A_message_of_the_devices_own_making_is_refused_with_the_manuals_fault(ulong address, uint data, string reason)
    {
        X86Rig rig = X86Rig.WithVtd(entries: 256);
        rig.Arm(0x100, 1);
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x100, address, data));
        Assert.Equal(reason, rig.LastRefusal);
    }

    [Fact]
    public void A_message_without_subhandle_names_its_entry_by_the_handle_alone()
    {
        (_, _, CountingHandler[] handlers) = _rig.Arm(0x100, 2);
        Assert.Equal(BusWriteOutcome.Delivered, _rig.Write(0x100, 0xfee0_0030, 0xffff_ffff));
        Assert.Equal((0, 1), (handlers[0].Total, handlers[1].Total));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void M9_Multi_MSI_has_one_address_and_consecutive_data(bool vtd)
    {
        X86Rig rig = vtd ? _rig : X86Rig.WithAmd();
        rig.Arm(vtd ? (ushort)0x108 : (ushort)0x100, 1, vtd ? MsiKind.MsiX : MsiKind.Msi);
        (X86Rig.X86Device device, _, CountingHandler[] handlers) = rig.Arm(0x110, 8, MsiKind.Msi);
        MsiMessage message = device.Held[0];
        Assert.Equal(vtd ? 0xfee0_0118UL : 0xfee0_0000UL, message.Address);
        Assert.Equal(0u, message.Data % 8);
        for (uint i = 0; i < 8; i++)
        {
            Assert.Equal(BusWriteOutcome.Delivered, rig.Write(0x110, message.Address, message.Data + i));
            Assert.Equal(1, handlers[i].Total);
        }
    }

    [Theory]
    [InlineData(MappingPoint.Alloc)]
    [InlineData(MappingPoint.Activate)]
    public void M6_Disarming_clears_the_entry_and_freeing_gives_it_back(MappingPoint at)
    {
        X86Rig rig = X86Rig.WithVtd(at);
        (X86Rig.X86Device device, MsiDeviceVectors vectors, _) = rig.Arm(0x100, 4);
        MsiMessage message = device.Held[1];
        vectors.FreeIrq(1);
        Assert.Equal(default, device.Held[1]);
        Assert.Null(rig.Vtd[1]);
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x100, message.Address, message.Data));
        vectors.FreeAll();
        Assert.Equal(0u, ((VtdDomain)rig.Msi.Parent!).EntriesInUse);
        Assert.All(Enumerable.Range(0, 4), index => Assert.Null(rig.Vtd[(uint)index]));
    }

    [Fact]
    public void Entries_come_to_an_end()
    {
        X86Rig rig = X86Rig.WithVtd(entries: 4);
        rig.Arm(0x100, 3);
        MsiDeviceVectors more = rig.Msi.CreateDeviceVectors(new X86Rig.X86Device(0x108));
        Assert.Equal(Errno.ENOSPC, more.Allocate(MsiKind.Msi, 2).Errno);
        Assert.True(more.Allocate(MsiKind.MsiX, 1).IsOk);
    }

    [Fact]
    public void N4_At_AMD_Vi_a_device_is_looked_up_in_its_own_table_only()
    {
        X86Rig rig = X86Rig.WithAmd();
        (X86Rig.X86Device first, MsiDeviceVectors vectors, CountingHandler[] firstHandlers) = rig.Arm(0x100, 2);
        (_, _, CountingHandler[] secondHandlers) = rig.Arm(0x208, 1);
        Assert.Equal(new MsiMessage(0xfee0_0000, 1), first.Held[1]);

        Assert.Equal(BusWriteOutcome.Delivered, rig.Write(0x208, 0xfee0_0000, 0));
        Assert.Equal((0, 1), (firstHandlers[0].Total, secondHandlers[0].Total));
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x208, 0xfee0_0000, 1));
        Assert.Equal("entry 0x1 of DeviceID 0x208 is not enabled (RemapEn 0), or its vector is nobody's", rig.LastRefusal);
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x208, 0xfee0_0000, 0x7ff));
        Assert.Equal("entry 0x7ff is beyond the table of DeviceID 0x208 (512 entries)", rig.LastRefusal);
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x300, 0xfee0_0000, 0));
        Assert.Equal("DeviceID 0x300 has no interrupt table: its interrupts are aborted (IntCtl 00b)", rig.LastRefusal);

        vectors.Dispose();
        Assert.Equal(BusWriteOutcome.Refused, rig.Write(0x100, 0xfee0_0000, 0));
        Assert.Equal("DeviceID 0x100 has no interrupt table: its interrupts are aborted (IntCtl 00b)", rig.LastRefusal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_delivery_allocates_nothing_while_nobody_traces(int kind)
    {
        X86Rig rig = kind switch
        {
            0 => X86Rig.Plain(),
            1 => _rig,
            _ => X86Rig.WithAmd(),
        };
        (X86Rig.X86Device device, _, CountingHandler[] handlers) = rig.Arm(0x100, 1);
        rig.StopListening();
        MsiMessage message = device.Held[0];
        int before = handlers[0].Total;
        int attempts = Allocations.None(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                rig.Write(0x100, message.Address, message.Data);
            }
        });
        Assert.Equal(100 * attempts, handlers[0].Total - before);
    }

    [Fact]
    public void N4_A_write_beside_moves_and_disarming_reaches_its_own_vector_or_nobody()
    {
        // The writer runs while entries come and go and vectors change hands between two devices.
        X86Rig rig = X86Rig.WithVtd(cpus: 2);
        rig.StopListening();
        (X86Rig.X86Device victim, _, CountingHandler[] own) = rig.Arm(0x100, 1);
        MsiMessage message = victim.Held[0];
        var other = new X86Rig.X86Device(0x208);
        var stolen = new CountingHandler();
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                rig.Write(0x100, message.Address, message.Data);
                rig.Write(0x100, message.Address + 0x20, 0);
            }
        });
        writer.Start();
        while (own[0].Total == 0)
        {
            Thread.Yield();
        }

        MsiDeviceVectors vectors = rig.Msi.CreateDeviceVectors(other);
        for (int i = 0; i < 2000; i++)
        {
            Assert.True(vectors.Allocate(MsiKind.MsiX, 1).IsOk);
            Assert.True(vectors.Request(0, stolen).IsOk);
            Assert.True(vectors.SetAffinity(0, (i + 1) % 2).IsOk);
            vectors.FreeAll();
        }

        stop.Cancel();
        writer.Join();
        Assert.Equal(0, stolen.Total);
        Assert.True(own[0].Total > 0);
    }
}
