using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Doorbell.SystemTests.Support;

/// <summary>A board of QEMU's whose firmware hands its ACPI tables to Debian's kernel, which tests/guest/tables prints.</summary>
internal static partial class TablesGuest
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    /// <summary>A PC: SeaBIOS puts QEMU's tables into memory.</summary>
    public static (string File, byte[] Bytes)[] OfPc(params string[] board) =>
        Boot("amd64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86", "ttyS0", board);

    /// <summary>An Arm board: EDK2 does.</summary>
    public static (string File, byte[] Bytes)[] OfArm(params string[] board)
    {
        const string Firmware = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd";
        Requirement.Package(Firmware, "qemu-efi-aarch64");
        return Boot("arm64", "/usr/bin/qemu-system-aarch64", "qemu-system-arm", "ttyAMA0", [.. board, "-cpu", "cortex-a76", "-bios", Firmware]);
    }

    private static (string File, byte[] Bytes)[] Boot(string architecture, string program, string package, string console, string[] board)
    {
        string guest = Path.Combine(Repository.Cache, $"guest-{architecture}");
        Requirement.Package(program, package);
        Requirement.File(Path.Combine(guest, "vmlinuz"), "run ./test once: it fetches Debian's kernels");
        Requirement.File(Path.Combine(guest, "initrd"), "run ./test once: it builds the initramfs images");
        using var folder = new TemporaryFolder();
        string initrd = folder.File("initrd");
        File.WriteAllBytes(initrd, [.. File.ReadAllBytes(Path.Combine(guest, "initrd")), .. Archive("tables", File.ReadAllBytes(Repository.PathOf("tests", "guest", "tables")))]);

        Outcome outcome = Run.ToEnd(
            program,
            [
                .. board, "-accel", "tcg", "-m", "512M", "-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot",
                "-kernel", Path.Combine(guest, "vmlinuz"), "-initrd", initrd, "-append", $"console={console} loglevel=4 panic=-1 rdinit=/tables",
            ],
            Patience);

        Assert.True(outcome.Output.Contains("DOORBELL-TABLES /sys/firmware/acpi/tables", StringComparison.Ordinal), outcome.Report);
        return [.. Table().Matches(outcome.Output).Select(line => (line.Groups[1].Value, Convert.FromBase64String(line.Groups[2].Value)))];
    }

    /// <summary>An initramfs of one more program, as the kernel takes it behind another (newc cpio, Documentation/driver-api/early-userspace/buffer-format).</summary>
    private static byte[] Archive(string name, byte[] content)
    {
        using var packed = new MemoryStream();
        using (var archive = new GZipStream(packed, CompressionLevel.Fastest))
        {
            Add(archive, name, mode: 0x81ed, content);
            Add(archive, "TRAILER!!!", mode: 0, []);
        }

        return packed.ToArray();
    }

    private static void Add(Stream archive, string name, uint mode, byte[] content)
    {
        uint[] fields = [1, mode, 0, 0, 1, 0, (uint)content.Length, 0, 0, 0, 0, (uint)name.Length + 1, 0];
        var header = new StringBuilder("070701");
        foreach (uint field in fields)
        {
            header.Append(CultureInfo.InvariantCulture, $"{field:x8}");
        }

        header.Append(name).Append('\0');
        header.Append('\0', -header.Length & 3);
        archive.Write(Encoding.ASCII.GetBytes(header.ToString()));
        archive.Write(content);
        archive.Write(new byte[-content.Length & 3]);
    }

    [GeneratedRegex("DOORBELL-TABLE ([A-Z]{4}) ([A-Za-z0-9+/=]+)")]
    private static partial Regex Table();
}
