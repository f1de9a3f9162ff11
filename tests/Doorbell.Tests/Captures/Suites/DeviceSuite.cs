using System.Text.Json.Nodes;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suite device: what five devices say of themselves, every mistake SET_IRQS can be called with, and which bits of configuration space take a write.</summary>
internal static partial class DeviceSuite
{
    private static readonly string[] Bdfs = ["0000:00:01.0", "0000:00:02.0", "0000:00:03.0", "0000:00:04.0", "0000:00:08.0"];

    public static List<JsonObject> Replay(CaptureBoard board)
    {
        using VfioClient client = new(board);
        ContainerFile container = client.OpenContainer("container");
        List<(GroupFile Group, CaptureDevice Device)> opened = [];
        foreach (string bdf in Bdfs)
        {
            opened.Add(client.OpenDevice(bdf, bdf, container, setIommu: opened.Count == 0)!.Value);
        }

        client.Map(container, "map", 0, 1 << 20, client.Memory.Map(1 << 20, ClientMemory.ReadWrite), VfioClient.ReadWrite);
        foreach ((GroupFile _, CaptureDevice device) in opened)
        {
            Infos(client, device);
            Interrupts(client, device);
            ConfigWrites(client, device);
            Accesses(client, device);
            client.Close($"{device.Bdf}.close", device.File);
        }

        opened.ForEach(pair => client.Close("group.close", pair.Group));
        client.Close("container.close", container);
        return client.Recorder.Records;
    }

    private static void Infos(VfioClient client, CaptureDevice device)
    {
        byte[] info = VfioClient.Words(24);
        long result = client.Ioctl(device.File, VfioIoctl.DeviceGetInfo, info);
        uint regions = VfioClient.Word(info, 8);
        uint irqs = VfioClient.Word(info, 12);
        client.Recorder.Done(Recorder.Begin($"{device.Bdf}.info", "VFIO_DEVICE_GET_INFO").Result(result).Hex("flags", VfioClient.Word(info, 4))
            .Int("num_regions", regions).Int("num_irqs", irqs).Int("cap_offset", VfioClient.Word(info, 16)).Int("argsz_out", VfioClient.Word(info, 0)));
        info = VfioClient.Words(24);
        VfioClient.Put(info, 0, 12);
        client.Recorder.Call($"{device.Bdf}.info_argsz12", "VFIO_DEVICE_GET_INFO", client.Ioctl(device.File, VfioIoctl.DeviceGetInfo, info));
        for (uint index = 0; index <= regions; index++)
        {
            Region(client, device, index);
        }

        for (uint index = 0; index <= irqs; index++)
        {
            Irq(client, device, index);
        }

        Features(client, device);
        HotReset(client, device);
        client.Raw($"{device.Bdf}.reset", "VFIO_DEVICE_RESET", device.File, VfioIoctl.DeviceReset, 0);
        byte[] config = new byte[4096];
        long read = client.Read(device, VfioRegionIndex.Config, 0, config);
        JsonObject view = Recorder.Begin($"{device.Bdf}.config_user_view", "pread(config)").Result(read);
        client.Recorder.Done(read < 0 ? view : view.Bytes("bytes", config.AsSpan(0, (int)read)));
        byte[] physical = new byte[device.Function.Config.Size];
        device.Function.ReadConfig(0, physical);
        client.Recorder.Done(Recorder.Begin($"{device.Bdf}.config_phys_view", "read(sysfs config)").Result(physical.Length).Bytes("bytes", physical));
    }

    private static void Region(VfioClient client, CaptureDevice device, uint index)
    {
        byte[] region = VfioClient.Words(32);
        VfioClient.Put(region, 8, index);
        long result = client.Ioctl(device.File, VfioIoctl.DeviceGetRegionInfo, region);
        uint wanted = VfioClient.Word(region, 0);
        if (result == 0 && wanted > region.Length)
        {
            region = VfioClient.Words((int)wanted);
            VfioClient.Put(region, 8, index);
            result = client.Ioctl(device.File, VfioIoctl.DeviceGetRegionInfo, region);
        }

        JsonObject record = Recorder.Begin($"{device.Bdf}.region{index}", "VFIO_DEVICE_GET_REGION_INFO").Int("index", index).Result(result);
        if (result == 0)
        {
            ulong address = index < device.Function.Bars.Count ? device.Function.Bars[(int)index]?.Address ?? 0 : 0;
            record.Hex("flags", VfioClient.Word(region, 4)).Hex("size", VfioClient.Long(region, 16)).Hex("offset", VfioClient.Long(region, 24))
                .Int("argsz_out", wanted).Int("cap_offset", VfioClient.Word(region, 12)).Hex("bar_phys", address);
            const uint HasCapabilities = 1 << 3; // VFIO_REGION_INFO_FLAG_CAPS
            const int MsiXMappable = 3; // VFIO_REGION_INFO_CAP_MSIX_MAPPABLE
            if ((VfioClient.Word(region, 4) & HasCapabilities) != 0)
            {
                uint header = VfioClient.Word(region, (int)VfioClient.Word(region, 12));
                Assert.Equal(MsiXMappable, (int)(header & 0xffff));
                record.Node("caps", new JsonArray(new JsonObject().Int("id", header & 0xffff).Int("version", header >> 16).Text("cap", "msix_mappable")));
            }
        }

        client.Recorder.Done(record);
    }

    private static void Irq(VfioClient client, CaptureDevice device, uint index)
    {
        byte[] irq = VfioClient.Words(16);
        VfioClient.Put(irq, 8, index);
        long result = client.Ioctl(device.File, VfioIoctl.DeviceGetIrqInfo, irq);
        JsonObject record = Recorder.Begin($"{device.Bdf}.irq{index}", "VFIO_DEVICE_GET_IRQ_INFO").Int("index", index).Result(result);
        client.Recorder.Done(result == 0 ? record.Hex("flags", VfioClient.Word(irq, 4)).Int("count", VfioClient.Word(irq, 12)) : record);
    }

    private static void Features(VfioClient client, CaptureDevice device)
    {
        const uint Get = 1 << 16;
        const uint Set = 1 << 17;
        const uint Probe = 1 << 18;
        for (uint feature = 0; feature < 16; feature++)
        {
            foreach ((uint flags, string name) in new[] { (Probe, "probe"), (Probe | Get, "probe_get"), (Probe | Set, "probe_set") })
            {
                byte[] argument = VfioClient.Words(8);
                VfioClient.Put(argument, 4, flags | feature);
                client.Recorder.Call($"{device.Bdf}.feature{feature}.{name}", "VFIO_DEVICE_FEATURE", client.Ioctl(device.File, VfioIoctl.DeviceFeature, argument));
            }
        }
    }

    private static void HotReset(VfioClient client, CaptureDevice device)
    {
        byte[] info = VfioClient.Words(12);
        long result = client.Ioctl(device.File, VfioIoctl.DeviceGetPciHotResetInfo, info);
        client.Recorder.Done(Recorder.Begin($"{device.Bdf}.hot_reset_info_small", "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO").Result(result).Int("count", VfioClient.Word(info, 8)));
        info = VfioClient.Words(4096);
        result = client.Ioctl(device.File, VfioIoctl.DeviceGetPciHotResetInfo, info);
        JsonArray devices = [];
        for (int i = 0; result == 0 && i < VfioClient.Word(info, 8); i++)
        {
            int at = 12 + (8 * i);
            devices.Add(new JsonObject().Int("group_or_devid", (int)VfioClient.Word(info, at)).Int("segment", VfioClient.Word(info, at + 4) & 0xffff)
                .Int("bus", info[at + 6]).Hex("devfn", info[at + 7]));
        }

        client.Recorder.Done(Recorder.Begin($"{device.Bdf}.hot_reset_info", "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO").Result(result)
            .Hex("flags", VfioClient.Word(info, 4)).Int("count", VfioClient.Word(info, 8)).Node("devices", devices));
    }

    private static void ConfigWrites(VfioClient client, CaptureDevice device)
    {
        void Write(string what, int offset, uint value, int width, bool restore = false) => ConfigWrite(client, device, what, offset, value, width, restore);
        Write("command_7", PciHeader.Command, 7, 2);
        Write("command_intx_disable", PciHeader.Command, 0x407, 2);
        Write("command_all", PciHeader.Command, 0xffff, 2);
        Write("command_0", PciHeader.Command, 0, 2);
        Write("command_6", PciHeader.Command, 6, 2);
        Write("vendor", 0, 0x1234, 2, restore: true);
        Write("status_w1c", PciHeader.Status, 0xffff, 2);
        Write("cacheline", PciHeader.CacheLineSize, 0x10, 1, restore: true);
        Write("latency", PciHeader.LatencyTimer, 0x40, 1, restore: true);
        Write("irq_line", PciHeader.InterruptLine, 0x55, 1, restore: true);
        Write("irq_pin", PciHeader.InterruptPin, 3, 1, restore: true);
        for (int bar = 0; bar < PciHeader.EndpointBars; bar++)
        {
            Write($"bar{bar}_ones", PciHeader.Bar0 + (4 * bar), uint.MaxValue, 4, restore: true);
            Write($"bar{bar}_addr", PciHeader.Bar0 + (4 * bar), 0xdead_0000, 4, restore: true);
        }

        Write("rom_ones", PciHeader.RomAddress, 0xffff_fffe, 4, restore: true);
        Write("cap_ptr", PciHeader.CapabilitiesPointer, 0, 1, restore: true);
        if (device.Msi != 0)
        {
            MsiWrites(client, device, Write);
        }

        if (device.MsiX != 0)
        {
            uint control = client.Config(device, device.MsiX + 2, 2);
            Write("msix_ctrl_enable_unarmed", device.MsiX + 2, control | 0x8000, 2, restore: true);
            Write("msix_ctrl_maskall", device.MsiX + 2, control | 0x4000, 2, restore: true);
            Write("msix_ctrl_size", device.MsiX + 2, 0x7ff, 2, restore: true);
            Write("msix_table_off", device.MsiX + 4, 0xffff_fff8, 4, restore: true);
            Write("msix_pba_off", device.MsiX + 8, 0xffff_fff8, 4, restore: true);
        }
    }

    private static void MsiWrites(VfioClient client, CaptureDevice device, ConfigWriter write)
    {
        int at = device.Msi;
        uint control = client.Config(device, at + 2, 2);
        write("msi_ctrl_ffff", at + 2, 0xffff, 2, restore: true);
        write("msi_ctrl_enable_unarmed", at + 2, control | 1, 2, restore: true);
        write("msi_ctrl_mme_7", at + 2, control | 0x70, 2, restore: true);
        write("msi_addr_lo", at + 4, 0xfee0_1004 | 3, 4);
        if ((control & 0x80) == 0)
        {
            write("msi_data", at + 8, 0xabcd, 2);
            return;
        }

        write("msi_addr_hi", at + 8, 0x1234_5678, 4);
        write("msi_data", at + 12, 0xabcd, 2);
        if ((control & 0x100) != 0)
        {
            write("msi_mask", at + 16, uint.MaxValue, 4, restore: true);
            write("msi_pending", at + 20, uint.MaxValue, 4);
        }
    }

    private static void ConfigWrite(VfioClient client, CaptureDevice device, string what, int offset, uint value, int width, bool restore)
    {
        uint before = client.Config(device, offset, width), physicalBefore = VfioClient.PhysicalConfig(device, offset, width);
        long result = client.WriteConfig(device, offset, value, width) == width ? 0 : -1;
        uint after = client.Config(device, offset, width), physicalAfter = VfioClient.PhysicalConfig(device, offset, width);
        client.Recorder.Done(Recorder.Begin($"{device.Bdf}.cfgw.{what}", "pwrite(config)").Hex("off", (ulong)offset).Int("width", width).Hex("wrote", value)
            .Result(result).Hex("user_before", before).Hex("user_after", after).Hex("phys_before", physicalBefore).Hex("phys_after", physicalAfter));
        if (restore)
        {
            client.WriteConfig(device, offset, before, width);
        }
    }

    private static void Accesses(VfioClient client, CaptureDevice device)
    {
        Read(client, device, "cfgr.8bytes", "pread(config)", VfioRegionIndex.Config, 0, 8, withBytes: true);
        Read(client, device, "cfgr.unaligned4@2", "pread(config)", VfioRegionIndex.Config, 2, 4, withBytes: true);
        Read(client, device, "cfgr.past_end", "pread(config)", VfioRegionIndex.Config, 0x1000, 4);
        Read(client, device, "cfgr.straddle_end", "pread(config)", VfioRegionIndex.Config, 0xffe, 4);
        Read(client, device, "region9", "pread", 9, 0, 4);
        Read(client, device, "region8_vga", "pread", VfioRegionIndex.Vga, 0, 4);
        Read(client, device, "region6_rom", "pread", VfioRegionIndex.Rom, 0, 4, withBytes: true);
        if (device.MsiX != 0)
        {
            TableAccesses(client, device);
        }
    }

    private static void TableAccesses(VfioClient client, CaptureDevice device)
    {
        uint bar = (uint)device.TableBar;
        client.EnableMaster(device);
        byte[] entry = [0x10, 0x11, 0x11, 0x11, 2, 0, 0, 0, 0x33, 0, 0, 0, 0, 0, 0, 0];
        JsonObject record = Recorder.Begin($"{device.Bdf}.msix_table_pwrite", "pwrite(msix table)").Result(client.Write(device, bar, device.TableOffset, entry));
        client.AddUserTable(record, device);
        client.AddPhysicalTable(record, device, 2);
        client.Recorder.Done(record);
        Read(client, device, "bar_past_end", "pread(bar)", bar, device.Function.Bars[(int)bar]!.Size, 4);
        for (uint enable = 6; ; enable -= 6)
        {
            client.WriteConfig(device, PciHeader.Command, enable, 2);
            Read(client, device, $"bar0_read_command_{enable}", "pread(bar0)", 0, 0, 4, withBytes: true);
            client.Recorder.Call($"{device.Bdf}.bar0_write_command_{enable}", "pwrite(bar0)", client.Write(device, 0, 0, new byte[4]));
            if (enable == 0)
            {
                break;
            }
        }

        client.WriteConfig(device, PciHeader.Command, 0, 2);
        Read(client, device, "msix_bar_read@0_memory_disabled", "pread(bar)", bar, 0, 4);
        client.WriteConfig(device, PciHeader.Command, 6, 2);
        Read(client, device, "msix_bar_read@0_memory_enabled", "pread(bar)", bar, 0, 4);
    }

    private static void Read(VfioClient client, CaptureDevice device, string name, string call, uint region, ulong offset, int length, bool withBytes = false)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        long result = client.Read(device, region, offset, bytes[..length]);
        JsonObject record = Recorder.Begin($"{device.Bdf}.{name}", call).Result(result);
        client.Recorder.Done(withBytes && result > 0 ? record.Bytes("bytes", bytes[..(int)result]) : record);
    }

    private delegate void ConfigWriter(string what, int offset, uint value, int width, bool restore = false);
}
