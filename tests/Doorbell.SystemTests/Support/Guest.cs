namespace Doorbell.SystemTests.Support;

/// <summary>Debian's kernel for an architecture with an init that uses one nvme disk, and the QEMU that boots it. tests/guest makes and describes it.</summary>
internal sealed class Guest
{
    public const int Cpus = 2;

    private readonly string _program;
    private readonly string _package;
    private readonly string[] _board;
    private readonly string _console;

    private Guest(string name, string architecture, string program, string package, string console, string[] board) =>
        (Name, Architecture, _program, _package, _console, _board) = (name, architecture, program, package, console, board);

    public static Guest Arm64 { get; } = Arm("arm64", "virt,gic-version=3");

    /// <remarks>Its own MSIs go through a GICv2m frame, whatever the host's do.</remarks>
    public static Guest Arm64WithGicV2m { get; } = Arm("arm64 with a GICv2m", "virt,gic-version=2");

    public static Guest Arm64WithSmmu { get; } = Arm("arm64 with an SMMUv3", "virt,gic-version=3,iommu=smmuv3");

    /// <remarks>Its emulated devices are behind its SMMUv3, what lies on its root bus is not.</remarks>
    public static Guest Arm64WithSmmuBypassed { get; } = Arm("arm64 with an SMMUv3 bypassed", "virt,gic-version=3,iommu=smmuv3,default_bus_bypass_iommu=on");

    /// <remarks>An ordinary PC: RAM from address 0 up, which lies over an ARM host's usual MSI window at 0x8000000.</remarks>
    public static Guest Amd64 { get; } = new("amd64", "amd64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86", "ttyS0", ["-M", "q35"]);

    /// <remarks>A PC with a VT-d of its own: its kernel maps and unmaps each buffer, and QEMU passes each of them on to VFIO.</remarks>
    public static Guest Amd64WithVtd { get; } =
        new("amd64 with a VT-d", "amd64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86", "ttyS0", ["-M", "q35", "-device", "intel-iommu,caching-mode=on"]);

    /// <remarks>A PC with RAM below 128 MiB and above 4 GiB only, so that it can have a device of an ARM host with the usual window.</remarks>
    public static Guest Amd64WithHole { get; } =
        new("amd64 with a hole", "amd64", "/usr/bin/qemu-system-x86_64", "qemu-system-x86", "ttyS0", ["-M", "q35,max-ram-below-4g=128M"]);

    public string Name { get; }

    public string Architecture { get; }

    private string Folder => Path.Combine(Repository.Cache, $"guest-{Architecture}");

    public static Guest Named(string name) =>
        new[] { Arm64, Arm64WithGicV2m, Arm64WithSmmu, Arm64WithSmmuBypassed, Amd64, Amd64WithVtd, Amd64WithHole }.Single(guest => guest.Name == name);

    public void Require()
    {
        Requirement.Package(_program, _package);
        Requirement.File(Path.Combine(Folder, "vmlinuz"), "run ./test once: it fetches Debian's kernels");
        Requirement.File(Path.Combine(Folder, "initrd"), "run ./test once: it builds the initramfs images");
    }

    /// <summary>The whole command, the program first; never with hardware virtualisation.</summary>
    /// <param name="workload">What it does with the disk.</param>
    /// <param name="devices">What the guest gets besides its board.</param>
    public string[] Command(GuestWorkload workload, params string[] devices) =>
    [
        _program, .. _board, "-accel", "tcg", "-m", "1G", "-smp", $"{Cpus}", "-nodefaults", "-nographic", "-serial", "stdio",
        .. (string[])(workload.Boots == 1 ? ["-no-reboot"] : []),
        "-kernel", Path.Combine(Folder, "vmlinuz"), "-initrd", Path.Combine(Folder, "initrd"),
        "-append", $"console={_console} loglevel=4 panic=-1 {workload.Words}", .. devices,
    ];

    private static Guest Arm(string name, string board) =>
        new(name, "arm64", "/usr/bin/qemu-system-aarch64", "qemu-system-arm", "ttyAMA0", ["-M", board, "-cpu", "cortex-a76"]);
}
