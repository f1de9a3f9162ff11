using System.Globalization;
using System.Text.Json.Nodes;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio;
using Doorbell.Vfio.Iommufd;

namespace Doorbell.Tests.Captures.Suites;

/// <summary>The suite iommufd: address spaces, cdevs, tables, and vectors armed while all of it changes (V6, I9).</summary>
internal static partial class IommufdSuite
{
    private const IoasMapFlags Mr = IoasMapFlags.Readable;
    private const IoasMapFlags Mw = IoasMapFlags.Writeable;
    private const IoasMapFlags Mf = IoasMapFlags.FixedIova;
    private const IoasMapFlags Rw = Mr | Mw;
    private const IoasMapFlags Fixed = Rw | Mf;
    private const ulong MiB = 1 << 20;
    private const ulong Page = 0x1000;

    private const string Igb = "0000:00:01.0";
    private const string Nvme = "0000:00:02.0";
    private const string Edu = "0000:00:03.0";

    /// <summary>On a board whose MSIs are not isolated every bind is refused (V3). An earlier user had left memory decoding on.</summary>
    public static List<JsonObject> ReplayRefused(CaptureBoard board)
    {
        board.Find(Igb).Function.SetCommand(PciCommand.MemorySpace);
        return Replay(board);
    }

    public static List<JsonObject> Replay(CaptureBoard board) => Replay(board, leaks: false);

    /// <param name="board">The board.</param>
    /// <param name="leaks">
    /// Linux loses the EventID or SPI that an arm takes which fails in the blocked domain. Doorbell does not; true loses one here too, by hand,
    /// so that the numbers of all that follows can be compared. One capture goes without, and has the difference listed.
    /// </param>
    public static List<JsonObject> Replay(CaptureBoard board, bool leaks)
    {
        using VfioClient client = new(board);
        using IommufdClient iommu = new(client);
        ulong buffer = client.Memory.Map(16 * (int)MiB, ClientMemory.ReadWrite);
        ulong readOnly = client.Memory.Map((int)Page, ClientMemory.ReadOnly);
        IommufdContext context = iommu.Open("open");
        AllowedRangesAndConflicts(iommu, buffer);
        iommu.Use(context);
        State state = new(iommu, client, buffer, readOnly, leaks);
        WithoutDevices(state);
        Binding(state);
        Attaching(state);
        Mapping(state);
        Unmapping(state);
        Copying(state);
        Arming(state);
        OtherDevices(state);
        Tables(state);
        Ending(state);
        SecondContext(iommu);
        Containers(iommu, buffer);
        return client.Recorder.Records;
    }

    private static void AllowedRangesAndConflicts(IommufdClient iommu, ulong buffer)
    {
        IommufdContext context = iommu.Open();
        iommu.Option("option.first.rlimit_get", 0, 1, 0, 0);
        iommu.Option("option.first.rlimit_set1", 0, 0, 0, 1);
        iommu.Option("option.first.rlimit_get_after", 0, 1, 0, 0);
        iommu.Option("option.first.rlimit_set2", 0, 0, 0, 2);
        iommu.Option("option.first.rlimit_set0", 0, 0, 0, 0);
        uint first = iommu.AllocateIoas("allow.first.ioas");
        iommu.Allow("allow.first.two", first, (0x4000_0000, 0x7fff_ffff), (0x1_0000_0000, 0x1_ffff_ffff));
        iommu.Ranges("allow.first.ranges", first);
        iommu.Map("allow.first.map_auto", first, Rw, 0, Page, buffer);
        iommu.Map("allow.first.map_fixed_outside", first, Fixed, 0x2000_0000, Page, buffer);
        iommu.Map("allow.first.map_fixed_inside", first, Fixed, 0x5000_0000, Page, buffer);
        iommu.Allow("allow.first.replace_excluding_mapped", first, (0x1_0000_0000, 0x1_ffff_ffff));
        iommu.Unmap("allow.first.unmap_all", first, 0, ulong.MaxValue);
        iommu.Allow("allow.first.one_msi_window_only", first, (0x800_0000, 0x80f_ffff));
        CdevClient cdev = new(iommu.Client, "allow.first.cdev", Igb);
        cdev.Bind("allow.first.bind", context);
        cdev.Attach("allow.first.attach_ioas_allowing_only_msi_window", first);
        iommu.Allow("allow.first.back_to_all", first);
        iommu.Ranges("allow.first.ranges_all", first);
        cdev.Attach("allow.first.attach_after_reset", first);
        uint second = iommu.AllocateIoas("conflict.ioas");
        iommu.Map("conflict.map_msi_window_before_attach", second, Fixed, 0x800_0000, Page, buffer);
        cdev.Attach("conflict.attach_ioas_with_mapping_in_msi_window", second);
        uint third = iommu.AllocateIoas("conflict2.ioas");
        iommu.Map("conflict2.map_above_aperture_before_attach", third, Fixed, 1UL << 50, Page, buffer);
        cdev.Attach("conflict2.attach", third);
        uint fourth = iommu.AllocateIoas("conflict3.ioas");
        iommu.Map("conflict3.map_512_aligned_before_attach", fourth, Fixed, 0x200, 0x200, buffer);
        cdev.Attach("conflict3.attach", fourth);
        cdev.Close("conflict.close_cdev");
        iommu.Close("conflict.close_iommufd");
    }

    private static void WithoutDevices(State state)
    {
        IommufdClient iommu = state.Iommu;
        state.First = iommu.AllocateIoas("ioas.alloc");
        iommu.AllocateIoas("ioas.alloc_flags1", 1);
        state.Second = iommu.AllocateIoas("ioas.alloc2");
        iommu.Ranges("ranges.fresh", state.First);
        iommu.Ranges("ranges.num0", state.First, 0);
        iommu.Ranges("ranges.bad_id", 999);
        iommu.Destroy("destroy.bad_id", 999);
        iommu.Destroy("destroy.id0", 0);
        Result<Iova> mapped = iommu.Map("map.auto_nodev", state.First, Rw, 0, Page, state.Buffer);
        iommu.Unmap("unmap.auto_nodev", state.First, mapped.Value.Value, Page);
        iommu.Map("map.fixed_nodev_unaligned_iova", state.First, Fixed, 0x200, 0x200, state.Buffer);
        iommu.Map("map.fixed_nodev_msi_window", state.First, Fixed, 0x800_0000, Page, state.Buffer);
        iommu.Unmap("unmap.all_nodev", state.First, 0, ulong.MaxValue);
        (string Name, uint Option, ushort Operation, uint Object, ulong Value)[] options =
        [
            ("rlimit_get", 0, 1, 0, 0), ("rlimit_set1", 0, 0, 0, 1), ("rlimit_set0", 0, 0, 0, 0), ("rlimit_set2", 0, 0, 0, 2), ("rlimit_obj", 0, 1, state.First, 0),
            ("huge_get", 1, 1, state.First, 0), ("huge_set0", 1, 0, state.First, 0), ("huge_get_after", 1, 1, state.First, 0), ("huge_set1", 1, 0, state.First, 1),
            ("huge_set2", 1, 0, state.First, 2), ("huge_badobj", 1, 1, 999, 0), ("unknown", 7, 1, 0, 0), ("badop", 0, 5, 0, 0),
        ];
        foreach ((string name, uint option, ushort operation, uint id, ulong value) in options)
        {
            iommu.Option($"option.{name}", option, operation, id, value);
        }
    }

    private static void Binding(State state)
    {
        IommufdClient iommu = state.Iommu;
        VfioClient client = state.Client;
        CdevClient igb = state.Igb = new CdevClient(client, "cdev.igb0", Igb);
        iommu.Done("cdev.info_before_bind", "VFIO_DEVICE_GET_INFO", igb.Cdev.GetDevice().WithoutValue);
        iommu.Done("cdev.pread_before_bind", "pread", igb.Cdev.GetDevice().WithoutValue);
        igb.Attach("cdev.attach_before_bind", state.First);
        igb.Bind("bind.flags2", iommu.Context, 2);
        igb.Bind("bind", iommu.Context);
        uint id = igb.Id;
        igb.Bind("bind.twice", iommu.Context);
        CdevClient again = new(client, "cdev.igb0_second_open", Igb);
        again.Bind("bind.second_open", iommu.Context);
        again.Cdev.Release();
        if (client.OpenGroup("group.open_while_cdev_bound", Igb) is { } group)
        {
            // Where binding was refused the group is free, and the original tried a container with it.
            client.GroupStatus("group.status_while_cdev_bound", group);
            ContainerFile container = client.OpenContainer("group.container");
            client.SetContainer("group.set_container_while_cdev_bound", group, container);
            client.GetDevice("group.get_device_while_cdev_bound", group, Igb);
            group.Release();
            container.Release();
        }

        iommu.HardwareInfo("hwinfo", id, 64);
        iommu.HardwareInfo("hwinfo.len0", id, 0);
        iommu.HardwareInfo("hwinfo.len8", id, 8);
        iommu.HardwareInfo("hwinfo.badid", 999, 64);
        iommu.HardwareInfo("hwinfo.ioas_id", state.First, 64);
        igb.Prepare();
        igb.Arm("msi.arm_bound_not_attached", VfioIrqIndex.MsiX, 0, 1);
        if (state.Leaks)
        {
            client.Board.Leak(Igb);
        }

        igb.Snapshot("msi.snap_bound_not_attached", 2);
        igb.Fire("msi.fire_bound_not_attached");
        igb.Disarm("msi.disarm_not_attached", VfioIrqIndex.MsiX);
    }

    private static void Attaching(State state)
    {
        IommufdClient iommu = state.Iommu;
        CdevClient igb = state.Igb;
        igb.Attach("attach.bad_pt", 999);
        igb.Attach("attach.self_devid", igb.Id);
        uint table = igb.Attach("attach.ioas", state.First);
        iommu.Ranges("ranges.attached", state.First);
        iommu.Ranges("ranges.attached_num1", state.First, 1);
        iommu.Destroy("destroy.ioas_busy", state.First);
        iommu.Destroy("destroy.auto_hwpt", table);
        iommu.Destroy("destroy.devid", igb.Id);
        igb.Attach("attach.ioas_again", state.First);
    }

    private static void Mapping(State state)
    {
        ulong buffer = state.Buffer;
        (string Name, IoasMapFlags Flags, ulong Iova, ulong Length, ulong Vaddr)[] maps =
        [
            ("fixed_0", Fixed, 0, Page, buffer), ("fixed_0_again", Fixed, 0, Page, buffer), ("fixed_1M", Fixed, MiB, MiB, buffer), ("overlap", Fixed, (2 * MiB) - Page, 0x2000, buffer),
            ("msi_window_first", Fixed, 0x800_0000, Page, buffer), ("msi_window_last", Fixed, 0x80f_f000, Page, buffer), ("msi_window_enclosing", Fixed, 0x7ff_0000, 0x12_0000, buffer),
            ("below_window", Fixed, 0x7ff_f000, Page, buffer), ("above_window", Fixed, 0x810_0000, Page, buffer), ("x86_msi", Fixed, 0xfee0_0000, Page, buffer),
            ("misaligned_iova", Fixed, 0x2000_0200, Page, buffer), ("misaligned_len", Fixed, 0x2000_0000, 0x1200, buffer), ("misaligned_va", Fixed, 0x2000_0000, Page, buffer + 0x200),
            ("len0", Fixed, 0x2000_0000, 0, buffer), ("wrap", Fixed, 0xffff_ffff_ffff_f000, 0x2000, buffer), ("wrap_len_max", Fixed, 0, ulong.MaxValue, buffer),
        ];
        Map(state, maps);
        for (int bits = 32; bits < 64; bits++)
        {
            string power = string.Create(CultureInfo.InvariantCulture, $"2^{bits}");
            MapAndUnmap(state, $"below_{power}", (1UL << bits) - Page);
            MapAndUnmap(state, $"at_{power}", 1UL << bits);
        }

        Map(state,
        [
            ("readonly", Mr | Mf, 0x3000_0000, Page, buffer), ("writeonly", Mw | Mf, 0x3000_1000, Page, buffer), ("noperm", Mf, 0x3000_2000, Page, buffer),
            ("flag8", Fixed | (IoasMapFlags)8, 0x3000_3000, Page, buffer), ("rw_of_ro_vma", Fixed, 0x3000_4000, Page, state.ReadOnly), ("r_of_ro_vma", Mr | Mf, 0x3000_4000, Page, state.ReadOnly),
            ("unmapped_va", Fixed, 0x3000_5000, Page, 0x100_0000_0000), ("null_va", Fixed, 0x3000_5000, Page, 0),
        ]);
        state.Iommu.Map("map.bad_ioas", 999, Fixed, 0x3000_5000, Page, buffer);
        state.Iommu.Map("map.ioas_is_dev", state.Igb.Id, Fixed, 0x3000_5000, Page, buffer);
        Map(state,
        [
            ("auto_4k", Rw, 0, Page, buffer), ("auto_1M", Rw, 0, MiB, buffer), ("auto_2M_aligned", Rw, 0, 2 * MiB, (buffer + (2 * MiB) - 1) & ~((2 * MiB) - 1)), ("auto_hint", Rw, 0x7777_0000, Page, buffer),
            ("16k", Fixed, 0x1000_0000, 0x4000, buffer),
        ]);
    }

    private static void Map(State state, (string Name, IoasMapFlags Flags, ulong Iova, ulong Length, ulong Vaddr)[] maps)
    {
        foreach ((string name, IoasMapFlags flags, ulong iova, ulong length, ulong vaddr) in maps)
        {
            state.Iommu.Map($"map.{name}", state.First, flags, iova, length, vaddr);
        }
    }

    private static void MapAndUnmap(State state, string name, ulong iova)
    {
        if (state.Iommu.Map($"map.{name}", state.First, Fixed, iova, Page, state.Buffer).IsOk)
        {
            state.Iommu.Unmap($"unmap.{name}", state.First, iova, Page);
        }
    }

    private static void Unmapping(State state)
    {
        (string Name, ulong Iova, ulong Length)[] unmaps =
        [
            ("bisect_head", 0x1000_0000, Page), ("bisect_tail", 0x1000_3000, Page), ("enclosing", 0xfff_f000, 0x8000), ("gone", 0x1000_0000, 0x4000), ("len0", 0x1000_0000, 0),
            ("msi_window", 0x800_0000, 0x10_0000), ("wrap", 0xffff_ffff_ffff_f000, 0x2000),
        ];
        foreach ((string name, ulong iova, ulong length) in unmaps)
        {
            state.Iommu.Unmap($"unmap.{name}", state.First, iova, length);
        }
    }

    private static void Copying(State state)
    {
        (IommufdClient iommu, uint first, uint second) = (state.Iommu, state.First, state.Second);
        iommu.Map("map.16k_again", first, Fixed, 0x1000_0000, 0x4000, state.Buffer);
        iommu.Copy("copy.fixed", second, first, Fixed, 0x4000, 0x4000_0000, 0x1000_0000);
        iommu.Copy("copy.again", second, first, Fixed, 0x4000, 0x4000_0000, 0x1000_0000);
        iommu.Copy("copy.auto", second, first, Rw, 0x4000, 0, 0x1000_0000);
        iommu.Copy("copy.part", second, first, Fixed, Page, 0x4100_0000, 0x1000_1000);
        iommu.Copy("copy.absent", second, first, Fixed, Page, 0x4200_0000, 0x6000_0000);
        iommu.Copy("copy.same_ioas", first, first, Fixed, 0x4000, 0x4300_0000, 0x1000_0000);
        iommu.Copy("copy.raise_perm", second, first, Fixed, Page, 0x4400_0000, 0x3000_0000);
        iommu.Allow("allow.narrow_conflict", first, (0x2000_0000, 0x2fff_ffff));
        iommu.Allow("allow.io2_two", second, (0x4000_0000, 0x7fff_ffff), (0x1_0000_0000, 0x1_ffff_ffff));
        iommu.Ranges("ranges.io2_after_allow", second);
        iommu.Map("map.io2_auto_after_allow", second, Rw, 0, Page, state.Buffer);
        iommu.Map("map.io2_fixed_outside_allow", second, Fixed, 0x2000_0000, Page, state.Buffer);
        iommu.Allow("allow.io2_zero", second);
        iommu.Allow("allow.unsorted", second, (0x1_0000_0000, 0x1_ffff_ffff), (0x4000_0000, 0x7fff_ffff));
        iommu.Allow("allow.overlapping", second, (0x4000_0000, 0x7fff_ffff), (0x5000_0000, 0x8fff_ffff));
        iommu.Allow("allow.msi_window_attached", first, (0, 0xffff_ffff));
    }

    /// <summary>What the calls of the suite hand on to each other.</summary>
    private sealed class State(IommufdClient iommu, VfioClient client, ulong buffer, ulong readOnly, bool leaks)
    {
        public bool Leaks { get; } = leaks;

        public IommufdClient Iommu { get; } = iommu;

        public VfioClient Client { get; } = client;

        public ulong Buffer { get; } = buffer;

        public ulong ReadOnly { get; } = readOnly;

        public uint First { get; set; }

        public uint Second { get; set; }

        public CdevClient Igb { get; set; } = null!;

        public CdevClient Nvme { get; set; } = null!;

        public CdevClient Edu { get; set; } = null!;
    }
}
