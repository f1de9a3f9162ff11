using Doorbell.Checks.Guests;

namespace Doorbell.Tests.Checks.Guests;

/// <summary>What a user may write for --guest, and the layouts' files.</summary>
public class GuestTextTests
{
    [Theory]
    [InlineData("qemu-virt:4G", "0x40000000-0x13fffffff")]
    [InlineData("qemu-virt:4GiB", "0x40000000-0x13fffffff")]
    [InlineData("q35:2815M", "0x0-0xafefffff")]
    [InlineData("q35:2816M", "0x0-0x7fffffff 0x100000000-0x12fffffff")]
    [InlineData("q35:8G,max-ram-below-4g=1G", "0x0-0x3fffffff 0x100000000-0x2bfffffff")]
    [InlineData("pc:3583M", "0x0-0xdfefffff")]
    [InlineData("pc:3584M", "0x0-0xbfffffff 0x100000000-0x11fffffff")]
    [InlineData("pc:3968M,max-ram-below-4g=4G", "0x0-0xf7ffffff")]
    [InlineData("kvmtool:4G", "0x0-0xcfffffff 0x100000000-0x12fffffff")]
    [InlineData("kvmtool-arm64:1G", "0x80000000-0xbfffffff")]
    [InlineData("cloud-hypervisor:4G", "0x0-0xbfffffff 0x100000000-0x13fffffff")]
    [InlineData("cloud-hypervisor-arm64:4G", "0x40000000-0xfbffffff 0x100000000-0x143ffffff")]
    [InlineData("crosvm:4G", "0x0-0xcfffffff 0x100000000-0x12fffffff")]
    [InlineData("crosvm-arm64:4G", "0x80000000-0x17fffffff")]
    [InlineData("firecracker:256G", "0x0-0xbfffffff 0x100000000-0x3fffffffff 0x8000000000-0x803fffffff")]
    [InlineData("firecracker-arm64:255G", "0x80000000-0x3fffffffff 0x8000000000-0x803fffffff")]
    [InlineData("0x40000000-0x7fffffff,0x100000000-0x17fffffff", "0x40000000-0x7fffffff 0x100000000-0x17fffffff")]
    public void RAM_lies_where_the_monitor_puts_it(string text, string ranges)
    {
        Result<Guest> guest = Guest.Parse(text);

        Assert.True(guest.IsOk, guest.Reason);
        Assert.Equal(ranges, string.Join(' ', guest.Value.Ranges));
    }

    [Theory]
    [InlineData("")]
    [InlineData("q35")]
    [InlineData(":4G")]
    [InlineData("q35:")]
    [InlineData("q35:0")]
    [InlineData("q35:lots")]
    [InlineData("q35:4097")]
    [InlineData("q35:4G,")]
    [InlineData("q35:4G,speed=2")]
    [InlineData("q35:4G,max-ram-below-4g")]
    [InlineData("q35:4G,max-ram-below-4g=5G")]
    [InlineData("q35:4G,max-ram-below-4g=1000K")]
    [InlineData("q35:4G,max-ram-below-4g=1G,max-ram-below-4g=1G")]
    [InlineData("q35:4G,amd-1tb-hole=maybe")]
    [InlineData("qemu-virt:4G,max-ram-below-4g=1G")]
    [InlineData("no-such:4G")]
    [InlineData("firecracker-arm64:2T")]
    [InlineData("0x40000000")]
    [InlineData("0x40000000-")]
    [InlineData("0x40000000-0x3fffffff")]
    [InlineData("0x40000000-0x40000fff,0x40000000-0x40000fff")]
    [InlineData("0x40000001-0x40000fff")]
    [InlineData("0x0-0x40000000")]
    [InlineData("0x0-0xffffffffffffffff")]
    [InlineData("q35:4G\n,\u2028")]
    public void Misuse_gives_one_sentence(string text)
    {
        Result<Guest> guest = Guest.Parse(text);

        Assert.False(guest.IsOk);
        Assert.EndsWith(".", guest.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', guest.Reason);
        Assert.DoesNotContain('\u2028', guest.Reason);
    }

    [Fact]
    public void Every_layout_that_comes_along_says_where_it_was_read_and_has_room_for_a_guest()
    {
        Assert.Equal(
            ["cloud-hypervisor", "cloud-hypervisor-arm64", "crosvm", "crosvm-arm64", "firecracker", "firecracker-arm64", "kvmtool", "kvmtool-arm64", "pc", "q35", "qemu-virt"],
            BuiltInGuests.Names);
        foreach (string name in BuiltInGuests.Names)
        {
            Result<GuestLayout> layout = BuiltInGuests.Load(name);
            Assert.True(layout.IsOk, layout.Reason);
            Assert.Equal(name, layout.Value.Name);
            Assert.NotEmpty(layout.Value.Version);
            Assert.Contains(layout.Value.Sources, source => source.Contains("https://", StringComparison.Ordinal));
            Guest guest = Guest.Parse($"{name}:16G").Value;
            Assert.Equal(16UL << 30, guest.Ranges.Aggregate(0UL, (sum, range) => sum + range.Size));
            Assert.Equal($"{name}:16G", guest.ToString());

            // Firmware's ROMs lie over RAM on a PC; nothing else of a guest does.
            foreach (GuestRegion region in guest.Regions.Where(region => region.Kind != GuestRegionKind.Firmware))
            {
                Assert.DoesNotContain(guest.Ranges, range => range.Overlaps(region.Range));
                Assert.DoesNotContain(guest.Regions, other => other != region && other.Range.Overlaps(region.Range));
            }
        }
    }

    [Fact]
    public void Built_in_guests_are_no_machines_and_machines_no_guests() =>
        Assert.Empty(Doorbell.Machines.BuiltInMachines.Names.Intersect(BuiltInGuests.Names));

    [Theory]
    [InlineData("ram-step: 4K", "ram-step: 5000", "ram-step")]
    [InlineData("base: 1G", "base: 1G, limit: 2G", "expected an end")]
    [InlineData("base: 1G", "base: 1G, end: 1G", "end")]
    [InlineData("base: 1G", "base: 1G, end: nothing", "end")]
    [InlineData("sources: [none]", "sources: []", "sources")]
    [InlineData("vmm: a test", "vm: a test", "vm")]
    [InlineData("ram:", "regions: [{name: x, kind: moon, base: 0, size: 4K}]\nram:", "kind")]
    [InlineData("- {base: 1G}", "- {base: 1G}\n  - {base: 2G}", "ram")]
    public void A_layout_with_a_mistake_is_refused_with_its_line_and_key(string right, string wrong, string key)
    {
        const string Layout = "name: a\ntitle: A\narchitecture: arm64\nvmm: a test\nversion: 1\nsources: [none]\nram-step: 4K\nram:\n  - {base: 1G}\n";
        Assert.True(GuestYaml.Read("a.yaml", Layout).IsOk);

        Result<GuestLayout> layout = GuestYaml.Read("a.yaml", Layout.Replace(right, wrong, StringComparison.Ordinal));

        Assert.Equal(Errno.EINVAL, layout.Errno);
        Assert.StartsWith("a.yaml:", layout.Reason, StringComparison.Ordinal);
        Assert.Contains(key, layout.Reason, StringComparison.Ordinal);
    }
}
