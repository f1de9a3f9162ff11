using System.Globalization;
using System.Text.RegularExpressions;
using Doorbell.Checks.Guests;
using Doorbell.Machines.Yaml;
using Doorbell.SystemTests.Support;
using Guest = Doorbell.Checks.Guests.Guest;

namespace Doorbell.SystemTests;

/// <summary>The layouts of QEMU's machines (guests/) beside what QEMU itself says of its memory: `info mtree -f` of a machine that never runs.</summary>
public partial class GuestLayoutTests
{
    private const string Arm = "qemu-system-aarch64 -machine virt,gic-version=3,memory-backend=ram -cpu max", Q35 = "qemu-system-x86_64 -machine q35,memory-backend=ram", Pc = "qemu-system-x86_64 -machine pc,memory-backend=ram";

    // A CPU with more physical addresses than QEMU's own and AMD's vendor, as -cpu host has on such a computer.
    private const string Epyc = " -cpu EPYC,phys-bits=48,host-phys-bits=off";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [SkippableTheory]
    [InlineData("qemu-virt:1M", Arm)]
    [InlineData("qemu-virt:4G", Arm)]
    [InlineData("qemu-virt:300G", Arm)]
    [InlineData("q35:2815M", Q35)]
    [InlineData("q35:2816M", Q35)]
    [InlineData("q35:8G,max-ram-below-4g=128M", Q35 + ",max-ram-below-4g=128M")]
    [InlineData("q35:3G,max-ram-below-4g=4G", Q35 + ",max-ram-below-4g=4G")]
    [InlineData("q35:978G,amd-1tb-hole=on", Q35 + Epyc)]
    [InlineData("q35:979G,amd-1tb-hole=on", Q35 + Epyc)]
    [InlineData("pc:3583M", Pc)]
    [InlineData("pc:3584M", Pc)]
    [InlineData("pc:3968M,max-ram-below-4g=4G", Pc + ",max-ram-below-4g=4G")]
    [InlineData("pc:1009G,amd-1tb-hole=on", Pc + Epyc)]
    [InlineData("pc:1010G,amd-1tb-hole=on", Pc + Epyc)]
    public void N5_RAM_lies_where_QEMU_puts_it(string text, string command)
    {
        Guest guest = Guest.Parse(text).Value;

        List<(GuestRange Range, string Name)> map = MemoryMap(command, guest.Ram);

        // What lies over the first megabyte of a PC's RAM (VGA, ROMs) is not QEMU's layout of RAM.
        const ulong Legacy = 0x10_0000;
        bool isPc = guest.Ranges[0].First == 0;
        List<GuestRange> ram = [.. map.Where(static line => line.Name == "ram").Select(static line => line.Range)];
        Assert.Contains(ram, range => range.First == guest.Ranges[0].First);
        Assert.Equal(
            guest.Ranges.Select(range => isPc && range.First == 0 ? range with { First = Legacy } : range),
            ram.Where(range => !isPc || range.Last >= Legacy).Select(range => isPc && range.First < Legacy ? range with { First = Legacy } : range));
    }

    [SkippableTheory]
    [InlineData("qemu-virt:2G")]
    [InlineData("qemu-virt:300G")]
    public void N5_What_comes_after_RAM_lies_where_QEMUs_virt_has_it(string text)
    {
        Guest guest = Guest.Parse(text).Value;

        List<(GuestRange Range, string Name)> map = MemoryMap(Arm, guest.Ram);

        Assert.Contains((Region(guest, "64-bit PCI window"), "gpex_mmio_window"), map);
        Assert.Contains((Region(guest, "32-bit PCI window"), "gpex_mmio_window"), map);
        Assert.Contains((guest.Regions.Last(static region => region.Name == "PCI configuration").Range, "pcie-mmcfg-mmio"), map);
    }

    private static GuestRange Region(Guest guest, string name) => guest.Regions.Single(region => region.Name == name).Range;

    // Memory that is reserved nowhere: a guest of a terabyte costs nothing as long as it does not run.
    private static List<(GuestRange Range, string Name)> MemoryMap(string command, ulong ram)
    {
        string program = command.Split(' ')[0];
        Requirement.Package($"/usr/bin/{program}", program == "qemu-system-aarch64" ? "qemu-system-arm" : "qemu-system-x86");
        string size = YamlNumber.Size(ram);
        Outcome outcome = Run.ToEnd(
            "/bin/bash",
            ["-c", $"printf 'info mtree -f\\nquit\\n' | {command} -accel tcg -m {size} -object memory-backend-ram,id=ram,size={size},reserve=off -S -display none -serial none -nodefaults -monitor stdio"],
            Patience).MustSucceed();
        string system = outcome.Output[outcome.Output.IndexOf("Root memory region: system", StringComparison.Ordinal)..];
        int next = system.IndexOf("FlatView #", StringComparison.Ordinal);
        return [.. Line().Matches(next < 0 ? system : system[..next]).Select(static line =>
            (new GuestRange(Hex(line.Groups[1].Value), Hex(line.Groups[2].Value)), line.Groups[3].Value))];
    }

    private static ulong Hex(string digits) => ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, [^)]*\): (\S+)", RegexOptions.Multiline)]
    private static partial Regex Line();
}
