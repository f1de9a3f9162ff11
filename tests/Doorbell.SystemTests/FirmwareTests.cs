using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>A guest's firmware drives nvme: SeaBIOS loads a boot sector from it and jumps there.</summary>
public class FirmwareTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // Prints the text behind it on the first serial port and switches the guest off: on QEMU's q35 board, where SeaBIOS puts ACPI's
    // PM1a_CNT at 0x604, SLP_EN with type 0 does.
    private static readonly byte[] s_code =
    [
        0x31, 0xc0,       // xor ax, ax
        0x8e, 0xd8,       // mov ds, ax
        0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xbe, 0x1c, 0x7c, // mov si, text
        0xac,             // next: lodsb
        0x84, 0xc0,       // test al, al
        0x74, 0x03,       // jz done
        0xee,             // out dx, al
        0xeb, 0xf8,       // jmp next
        0xba, 0x04, 0x06, // done: mov dx, 0x604
        0xb8, 0x00, 0x20, // mov ax, 0x2000
        0xef,             // out dx, ax
        0xf4,             // halt: hlt
        0xeb, 0xfd,       // jmp halt
    ];

    [SkippableTheory]
    [InlineData("q35-intel-ir", "")]
    [InlineData("q35-amd-ir", ",queues=1,readonly=yes")]
    [InlineData("virt-gicv3-x86guest", ",size2=1M")]
    public void SeaBIOS_boots_from_it(string machine, string options)
    {
        Requirement.Package("/usr/bin/qemu-system-x86_64", "qemu-system-x86");
        using var folder = new TemporaryFolder();
        string disk = folder.File("disk.img"), trace = folder.File("trace.jsonl");
        File.WriteAllBytes(disk, Disk());

        Outcome outcome = new DoorbellCommand(machine).Device($"nvme,file={disk}{options}").Trace(trace).ToEnd(
            Patience, "qemu-system-x86_64", "-M", "q35", "-m", "64", "-display", "none", "-nodefaults", "-serial", "stdio",
            "-device", $"vfio-pci,host={DoorbellCommand.Slot},bootindex=0").MustSucceed();

        Assert.Contains("this sector came over nvme", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(TraceEvent.ReadAll(trace), step => step.Kind is "nvme.fatal" or "iommu.fault");
    }

    private static byte[] Disk()
    {
        var disk = new byte[1 << 20];
        s_code.CopyTo(disk, 0);
        "this sector came over nvme\n\0"u8.CopyTo(disk.AsSpan(s_code.Length));
        disk[510] = 0x55;
        disk[511] = 0xaa;
        return disk;
    }
}
