using Doorbell.Checks.Guests;
using Doorbell.Iommu;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Checks.Guests;

/// <summary>Guests' memory beside hosts' reserved regions, and what is proposed where they collide.</summary>
public class GuestCheckTests
{
    private static readonly HostDmaSpace Arm = Space(48, ReservedRegion.DefaultSoftwareMsi);

    private static readonly HostDmaSpace Amd = Space(
        48,
        new ReservedRegion(new Iova(0xfee0_0000), 0x10_0000, ReservedRegionType.Msi),
        new ReservedRegion(new Iova(0xfd_0000_0000), 0x3_0000_0000, ReservedRegionType.Reserved));

    [Theory]
    [InlineData("qemu-virt:4G")]
    [InlineData("kvmtool-arm64:4G")]
    [InlineData("cloud-hypervisor-arm64:200G")]
    [InlineData("crosvm-arm64:4G")]
    [InlineData("firecracker-arm64:300G")]
    public void N5_Arm_guests_have_no_RAM_in_an_Arm_hosts_MSI_window(string layout) => Assert.True(Check(layout, Arm).Fits);

    [Fact]
    public void N5_An_x86_guest_has_RAM_in_an_Arm_hosts_MSI_window_and_QEMU_can_move_it_above_4_GiB()
    {
        GuestReport report = Check("q35:8G", Arm);

        GuestCollision collision = Assert.Single(report.Collisions);
        Assert.Equal((new GuestRange(0x800_0000, 0x80f_ffff), Errno.EINVAL, "N5"), (collision.Guest, collision.Errno, collision.Rule));
        Assert.Equal((0UL, "q35:8G,max-ram-below-4g=128M"), (report.Change!.RamLost, report.Change.Guest.ToString()));
        Assert.Contains("-machine q35,max-ram-below-4g=128M", report.Change.Sentence, StringComparison.Ordinal);
        Assert.Contains("no option that moves its MSI window", report.Change.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void N5_Where_no_option_moves_RAM_the_change_is_the_least_cut_that_helps()
    {
        GuestChange change = Check("kvmtool:8G", Arm).Change!;

        Assert.Equal("kvmtool:128M", change.Guest.ToString());
        Assert.Equal((8UL << 30) - (128UL << 20), change.RamLost);
        Assert.Contains("kvmtool has no option that moves RAM", change.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void I9_RAM_past_the_aperture_collides_with_its_end()
    {
        GuestReport report = Check("qemu-virt:600G", Space(39));

        Assert.Equal(new GuestRange(1UL << 39, 0x96_3fff_ffff), report.Collisions.First(collision => collision.IsFatal).Guest);
        Assert.Equal("qemu-virt:511G", report.Change!.Guest.ToString());
        Assert.Contains(report.Collisions, collision => collision.Kind == GuestCollisionKind.GuestWindow && !collision.IsFatal);
    }

    [Fact]
    public void I9_Beside_HyperTransport_a_large_q35_guest_lies_at_1_TiB_unless_its_machine_type_is_older()
    {
        Assert.True(Check("q35:1100G", Amd).Fits);

        GuestReport old = Check("q35:1100G,amd-1tb-hole=off", Amd);
        Assert.False(old.Fits);
        Assert.Equal("q35:1100G,amd-1tb-hole=on", old.Change!.Guest.ToString());
        Assert.Contains("pc-q35-7.1", old.Change.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void N5_A_list_of_ranges_loses_the_pages_that_collide_and_no_other()
    {
        GuestReport report = Check("0x0-0xfffffff,0x100000000-0x1ffffffff", Arm);

        Assert.Equal("0x0-0x7ffffff,0x8100000-0xfffffff,0x100000000-0x1ffffffff", report.Change!.Guest.ToString());
        Assert.Equal(0x10_0000UL, report.Change.RamLost);
    }

    [Fact]
    public void N5_Nothing_is_proposed_where_nothing_of_the_guest_can_stay() =>
        Assert.Null(Check("0x8000000-0x80fffff", Arm).Change);

    [Fact]
    public void I9_A_bridges_window_is_a_note_and_no_refusal()
    {
        HostDmaSpace host = Arm with { Windows = [new HostWindow(new GuestRange(0x4000_0000, 0x4fff_ffff), "bridge 0000:00:05.0", new("/sys", "line 8"))] };

        GuestReport report = GuestCheck.Check(Guest.Parse("qemu-virt:1G").Value, host);

        Assert.True(report.Fits);
        Assert.Equal(GuestCollisionKind.BridgeWindow, Assert.Single(report.Collisions).Kind);
        Assert.Null(report.Change);
    }

    [Fact]
    public void N5_A_collision_is_what_the_engine_refuses_to_map()
    {
        var random = new Random(20161128);
        int refused = 0, mapped = 0;
        for (int run = 0; run < 150; run++)
        {
            HostDmaSpace host = RandomSpace(random);
            Guest guest = Guest.Parse(RandomLayout(random)).Value.Beside(host);
            List<GuestCollision> collisions = GuestCheck.Collisions(guest, host);
            VfioContainer container = Container(host);
            foreach (GuestRange range in guest.Ranges)
            {
                bool collides = collisions.Exists(collision => collision.IsFatal && collision.Guest.Overlaps(range));
                Result result = container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, 0x2000_0000_0000 + range.First, new Iova(range.First), range.Size, new VastMemory());
                Assert.True(result.Errno == (collides ? Errno.EINVAL : Errno.None), $"{guest}, {range}: {result}; reserved: {string.Join(' ', host.Reserved.Select(static reserved => reserved.Range))}, last 0x{host.LastIova:x}");
                refused += collides ? 1 : 0;
                mapped += collides ? 0 : 1;
            }
        }

        Assert.True(refused > 50 && mapped > 50, $"{refused} refused, {mapped} mapped");
    }

    [Fact]
    public void N5_The_change_is_free_of_collisions_and_no_smaller_one_is()
    {
        const string Layout =
            """
            name: small
            title: A PC in pages
            architecture: x86-64
            vmm: a test
            version: "1"
            sources: [none]
            ram-step: 4K
            options:
              - {name: low, written: "low={}", type: size, min: 4K, max: 0x20000, step: 4K, default: 0x20000}
              - {name: far, written: "far={}", type: switch, default: no}
            ram:
              - {base: 0, end: 0x18000, split: {from: 0x18000, end: 0x10000}, limit: low}
              - {base: 0x20000, relocation: {option: far, above: 0x30000, align: 0x2000, beyond: 0x4000, to: 0x40000}}
            """;
        GuestLayout layout = GuestYaml.Read("small.yaml", Layout).Value;
        var random = new Random(61);
        int found = 0;
        for (int run = 0; run < 120; run++)
        {
            HostDmaSpace host = Space(64, [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => new ReservedRegion(new Iova((ulong)random.Next(0, 0x60) << 12), (ulong)random.Next(1, 12) << 12, ReservedRegionType.Reserved))]);
            Guest guest = Guest.Parse($"small:0x{random.Next(1, 0x40) << 12:x},low=0x{random.Next(1, 0x21) << 12:x},far={(random.Next(2) == 0 ? "on" : "off")}", _ => layout).Value;
            GuestReport report = GuestCheck.Check(guest, host);
            if (report.Fits)
            {
                continue;
            }

            (ulong Lost, int Changes)? best = BruteForce(guest, layout, host);
            if (best is null)
            {
                Assert.Null(report.Change);
                continue;
            }

            found++;
            Assert.NotNull(report.Change);
            Assert.DoesNotContain(GuestCheck.Collisions(report.Change.Guest, host), collision => collision.IsFatal);
            Assert.True(best == (report.Change.RamLost, report.Change.Options.Count), $"{guest} beside {string.Join(' ', host.Reserved.Select(static reserved => reserved.Range))}: {report.Change.Guest}, best {best}");
        }

        Assert.True(found > 60, $"{found}");
    }

    private static (ulong Lost, int Changes)? BruteForce(Guest guest, GuestLayout layout, HostDmaSpace host)
    {
        (ulong Lost, int Changes)? best = null;
        List<GuestRange> ranges = [];
        for (ulong low = 0x1000; low <= 0x20000; low += 0x1000)
        {
            for (ulong far = 0; far < 2; far++)
            {
                ulong[] options = [low, far];
                for (ulong ram = 0x1000; ram <= guest.Ram; ram += 0x1000)
                {
                    if (layout.TryPlace(ram, options, ranges) && !ranges.Exists(range => host.Reserved.Any(reserved => reserved.Range.Overlaps(range))))
                    {
                        (ulong, int) cost = (guest.Ram - ram, (low == guest.Options[0] ? 0 : 1) + (far == guest.Options[1] ? 0 : 1));
                        best = best is { } other && other.CompareTo(cost) <= 0 ? other : cost;
                    }
                }
            }
        }

        return best;
    }

    private static GuestReport Check(string layout, HostDmaSpace host)
    {
        Result<Guest> guest = Guest.Parse(layout);
        Assert.True(guest.IsOk, guest.Reason);
        return GuestCheck.Check(guest.Value, host);
    }

    private static HostDmaSpace Space(int bits, params ReservedRegion[] regions) => new()
    {
        Reserved = [.. regions.Select(static region => new HostReserved(new GuestRange(region.Base.Value, region.Last.Value), region.Type, null))],
        LastIova = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1,
    };

    private static HostDmaSpace RandomSpace(Random random)
    {
        int bits = random.Next(33, 48);
        int count = random.Next(0, 4);
        return Space(bits, [.. Enumerable.Range(0, count).Select(_ =>
        {
            ulong start = (ulong)random.NextInt64(0, 1L << random.Next(20, bits)) >> 12 << 12;
            return new ReservedRegion(new Iova(start), (ulong)random.Next(1, 0x4000) << 12, ReservedRegionType.Reserved);
        })]);
    }

    private static string RandomLayout(Random random)
    {
        string name = BuiltInGuests.Names[random.Next(BuiltInGuests.Names.Count)];
        ulong ram = (ulong)random.NextInt64(1, 1L << random.Next(4, 19)) * 2;
        string text = $"{name}:{ram}M";
        return name is "q35" or "pc" && random.Next(2) == 0 ? text + $",max-ram-below-4g={random.Next(1, 4096)}M" : text;
    }

    private static VfioContainer Container(HostDmaSpace host)
    {
        var rig = new Rig();
        var iommu = new Doorbell.Iommu.Iommu("dmar0", IommuModel.VtD, rig.EventStream, new IommuOptions
        {
            InputBits = (int)ulong.Log2(host.LastIova) + 1,
            ReservedRegions = [.. host.Reserved.Select(static reserved => new ReservedRegion(new Iova(reserved.Range.First), reserved.Range.Size, reserved.Type))],
        });
        return rig.Contain(rig.Group(rig.Device(1, iommu, rig.Its))).Container;
    }
}
