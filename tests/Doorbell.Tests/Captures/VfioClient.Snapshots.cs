using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Doorbell.Pci;

namespace Doorbell.Tests.Captures;

/// <content>Looks at a device, by the user and from outside, and interrupts raised by it.</content>
internal sealed partial class VfioClient
{
    private const int MsixEntrySize = 16;

    public void Snapshot(CaptureDevice device, string name, int entries)
    {
        JsonObject record = Recorder.Begin(name, "snapshot").Text("bdf", device.Bdf);
        AddUserCapabilities(record, device);
        AddPhysicalCapabilities(record, device);
        AddUserTable(record, device);
        AddPhysicalTable(record, device, entries);
        Recorder.Done(record);
    }

    /// <summary>Makes the device itself raise a vector, by its registers; whether the eventfd saw it.</summary>
    public void Fire(CaptureDevice device, string name, int vector)
    {
        int eventFd = device.FirstEventFd + vector;
        ReadEventFd(eventFd);
        EnableMaster(device);
        string how = "none";
        switch (device.Function.Config.Read32(0))
        {
            case 0x10c9_8086:
                Poke(device, (0x1514, 0x11), (0x1580, uint.MaxValue), (0x1524, 1u << vector), (0x1520, 1u << vector));
                how = "igb GPIE=0x11 EICR=~0 EIMS=EICS=1<<vec";
                break;
            case 0x11e8_1234:
                Poke(device, (0x60, 1), (0x64, 1));
                how = "edu 0x60=1, 0x64=1";
                break;
            case 0x10d3_8086:
                Poke(device, (0xd8, uint.MaxValue), (0xc0, 0), (0xd0, 4), (0xc8, 4));
                how = "e1000e IMS=4 ICS=4";
                break;
        }

        JsonObject record = Recorder.Begin(name, "device raises interrupt").Text("bdf", device.Bdf).Text("how", how).Int("vector", vector)
            .Int("eventfd_count", ReadEventFd(eventFd));
        AddPhysicalTable(record, device, vector + 1);
        AddPhysicalCapabilities(record, device);
        Recorder.Done(record);
    }

    /// <summary>The administrator moves each of the device's first interrupts to every CPU in turn.</summary>
    public void MoveAffinity(CaptureDevice device, string prefix, int vectors)
    {
        for (int vector = 0; vector < vectors && vector < device.File.Device.ArmedVectors; vector++)
        {
            for (int cpu = 0; cpu < 4; cpu++)
            {
                Result moved = device.File.Device.SetAffinity(vector, cpu);
                JsonObject record = Recorder.Begin($"{prefix}.irq{Number(vector)}.cpu{Number(cpu)}", "write(/proc/irq/N/smp_affinity)")
                    .Text("mask", Number(1 << cpu)).Int("result", -(long)moved.Errno);
                AddPhysicalCapabilities(record, device);
                AddPhysicalTable(record, device, vector + 1);
                Recorder.Done(record);
            }
        }
    }

    public void AddPhysicalCapabilities(JsonObject record, CaptureDevice device)
    {
        uint Physical(int offset, int width) => PhysicalConfig(device, offset, width);
        if (device.Msi != 0)
        {
            record.Node("phys_msi_cap", MsiCapability(device.Msi, Physical, withOffset: false));
        }

        if (device.MsiX != 0)
        {
            record.Node("phys_msix_cap", new JsonObject().Hex("ctrl", Physical(device.MsiX + 2, 2)));
        }

        record.Hex("phys_command", Physical(PciHeader.Command, 2));
    }

    public void AddUserTable(JsonObject record, CaptureDevice device)
    {
        if (device.MsiX == 0)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[64];
        long read = Read(device, (uint)device.TableBar, device.TableOffset, bytes);
        JsonObject table = new JsonObject().Int("ret", Math.Max(-1, read));
        record.Node("user_msix_table_pread", read < 0 ? table.Text("err", ((Errno)(-read)).ToString()) : table.Bytes("bytes", bytes[..(int)read]));
    }

    public void AddPhysicalTable(JsonObject record, CaptureDevice device, int entries)
    {
        if (device.MsiX == 0)
        {
            return;
        }

        JsonArray table = [];
        Span<byte> entry = stackalloc byte[MsixEntrySize];
        for (int vector = 0; vector < Math.Min(entries, device.Vectors); vector++)
        {
            ReadPhysicalEntry(device, vector, entry);
            table.Add(new JsonObject().Int("vec", vector).Hex("addr", BinaryPrimitives.ReadUInt64LittleEndian(entry))
                .Hex("data", BinaryPrimitives.ReadUInt32LittleEndian(entry[8..])).Hex("ctrl", BinaryPrimitives.ReadUInt32LittleEndian(entry[12..])));
        }

        record.Hex("phys_msix_table_at", device.Function.Bars[device.TableBar]!.Address + device.TableOffset).Node("phys_msix_table", table);
    }

    public static void ReadPhysicalEntry(CaptureDevice device, int vector, Span<byte> entry) =>
        device.Function.MsiX!.ReadTable(vector * MsixEntrySize, entry);

    public static uint PhysicalConfig(CaptureDevice device, int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes.Clear();
        device.Function.ReadConfig(offset, bytes[..width]);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private void AddUserCapabilities(JsonObject record, CaptureDevice device)
    {
        uint User(int offset, int width) => Config(device, offset, width);
        if (device.Msi != 0)
        {
            record.Node("user_msi_cap", MsiCapability(device.Msi, User, withOffset: true));
        }

        if (device.MsiX != 0)
        {
            record.Node("user_msix_cap", new JsonObject().Hex("off", (ulong)device.MsiX).Hex("ctrl", User(device.MsiX + 2, 2))
                .Hex("table", User(device.MsiX + 4, 4)).Hex("pba", User(device.MsiX + 8, 4)));
        }

        record.Hex("user_command", User(PciHeader.Command, 2));
    }

    private static JsonObject MsiCapability(int at, Func<int, int, uint> read, bool withOffset)
    {
        const uint Address64 = 0x80;
        const uint MaskBits = 0x100;
        JsonObject capability = [];
        if (withOffset)
        {
            capability.Hex("off", (ulong)at);
        }

        uint control = read(at + 2, 2);
        capability.Hex("ctrl", control).Hex("addr_lo", read(at + 4, 4));
        if ((control & Address64) == 0)
        {
            return capability.Hex("data", read(at + 8, 2));
        }

        capability.Hex("addr_hi", read(at + 8, 4)).Hex("data", read(at + 12, 2));
        return (control & MaskBits) == 0 ? capability : capability.Hex("mask", read(at + 16, 4)).Hex("pending", read(at + 20, 4));
    }

    private void Poke(CaptureDevice device, params (ulong Offset, uint Value)[] writes)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach ((ulong offset, uint value) in writes)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            Write(device, 0, offset, bytes);
        }
    }
}
