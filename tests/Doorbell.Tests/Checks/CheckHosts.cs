using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Pci;

namespace Doorbell.Tests.Checks;

/// <summary>Hosts made by hand: a good one of each world, and for every kind of reason one that has it.</summary>
internal static class CheckHosts
{
    public static readonly PciAddress Port = new(0, 0, 1, 0);
    public static readonly PciAddress Nic = new(0, 1, 0, 0);

    // Before the hosts, which are made of them.
    private static readonly ReservedRegion Msi = new(new Iova(0xfee0_0000), 0x10_0000, ReservedRegionType.Msi);
    private static readonly Evidence s_table = new("/sys/firmware/acpi/tables/DMAR", "offset 0x30");

    /// <summary>An Arm server: GICv3 ITS, SMMUv3, a NIC below a root port with ACS.</summary>
    public static HostFacts Arm { get; } = new()
    {
        Name = "server",
        Architecture = MachineArchitecture.Arm64,
        IsRunning = true,
        Functions = [Bridge(Port, PciExpressType.RootPort, 1, acs: true), Function(Nic, "mlx5_core", 1)],
        Groups = [Group(0, [Port]), Group(1, [Nic])],
        Kernel = new HostKernel
        {
            Release = "6.12.41-arm64",
            CommandLine = "BOOT_IMAGE=/vmlinuz root=/dev/vda1 quiet",
            Configuration = new Dictionary<string, string> { ["CONFIG_VFIO"] = "m", ["CONFIG_VFIO_PCI"] = "m", ["CONFIG_VFIO_IOMMU_TYPE1"] = "m", ["CONFIG_ARM_SMMU_V3"] = "y" },
            ConfigurationEvidence = new Evidence("/boot/config-6.12.41-arm64"),
            PageSize = 0x1000,
            Iommus = ["smmu3.0x0000000009050000"],
        },
        Firmware = Arm64Firmware(new FirmwareMsiController("its@8080000", FirmwareMsiKind.Its, 0x0809_0040, new Evidence("/sys/firmware/fdt", "/intc@8000000/its@8080000"))),
    };

    /// <summary>An Intel server: VT-d with interrupt remapping, seen in /proc/interrupts.</summary>
    public static HostFacts Intel { get; } = Arm with
    {
        Architecture = MachineArchitecture.X86,
        Groups = [Group(0, [Port], Msi), Group(1, [Nic], Msi)],
        Kernel = new HostKernel
        {
            Release = "6.12.41-amd64",
            CommandLine = "BOOT_IMAGE=/vmlinuz root=/dev/vda1 quiet",
            Configuration = new Dictionary<string, string> { ["CONFIG_VFIO"] = "m", ["CONFIG_VFIO_PCI"] = "m", ["CONFIG_VFIO_IOMMU_TYPE1"] = "m", ["CONFIG_INTEL_IOMMU"] = "y", ["CONFIG_IRQ_REMAP"] = "y" },
            ConfigurationEvidence = new Evidence("/boot/config-6.12.41-amd64"),
            PageSize = 0x1000,
            Iommus = ["dmar0"],
            InterruptChips = ["IR-IO-APIC", "IR-PCI-MSIX-0000:01:00.0", "DMAR-MSI"],
        },
        Firmware = new StaticFirmware
        {
            Architecture = MachineArchitecture.X86,
            Iommus = [new FirmwareIommu { Name = "DRHD at 0xfed90000", Model = SmmuModel.VtD, InterruptRemapping = true, Base = 0xfed9_0000, Evidence = s_table }],
        },
    };

    /// <summary>A host, and a question, whose answer has a reason of that kind.</summary>
    public static (HostFacts Facts, CheckOptions Options, PciAddress Device) With(string id)
    {
        PciAddress device = Nic;
        var options = new CheckOptions { Devices = [Nic] };
        HostFacts facts = id switch
        {
            "no-iommu" => Arm with { Functions = Ungrouped(Arm), Groups = [], Firmware = Arm64Firmware(new FirmwareMsiController("its@8080000", FirmwareMsiKind.Its, 0x0809_0040, new Evidence("/sys/firmware/fdt", "/intc@8000000/its@8080000")), hasIommu: false) },
            "iommu-off" => Intel with { Functions = Ungrouped(Intel), Groups = [], Kernel = Intel.Kernel with { CommandLine = "quiet intel_iommu=off", Iommus = [] } },
            "iommu-not-enabled" => Intel with { Functions = Ungrouped(Intel), Groups = [], Kernel = Intel.Kernel with { Iommus = [] } },
            "kernel-lacks-iommu-driver" => Arm with { Functions = Ungrouped(Arm), Groups = [], Kernel = Arm.Kernel with { Configuration = Without(Arm, "CONFIG_ARM_SMMU_V3"), Iommus = [] } },
            "no-group" => Arm with { Functions = [Arm.Functions[0], Arm.Functions[1] with { Group = null }], Groups = [Arm.Groups![0]] },
            "groups-unknown" => Arm with { Functions = Ungrouped(Arm), Groups = null },
            "iommu-unknown" => Arm with { Functions = Ungrouped(Arm), Groups = null, Firmware = null },
            "msi-not-isolated" => Arm with { Firmware = Arm64Firmware(V2m) },
            "interrupt-remapping-off" => Intel with { Kernel = Intel.Kernel with { CommandLine = "quiet intremap=off", InterruptChips = null } },
            "no-msi-controller" => Arm with { Firmware = Arm64Firmware(null) },
            "msi-all-controllers" => Arm with
            {
                Kernel = Arm.Kernel with { Release = "6.1.0-40-arm64" },
                Firmware = new StaticFirmware { Iommus = Arm.Firmware!.Iommus, MsiControllers = [Arm.Firmware.MsiControllers[0], V2m] },
            },
            "msi-unsafe-allowed" => Arm with
            {
                Firmware = Arm64Firmware(V2m),
                Kernel = Arm.Kernel with { ModuleParameters = new Dictionary<string, string> { ["vfio_iommu_type1.allow_unsafe_interrupts"] = "Y" } },
            },
            "msi-isolation-unknown" => Intel with { Kernel = Intel.Kernel with { InterruptChips = null } },
            "group-not-viable" => Neighbour("ahci"),
            "neighbour-driver-unknown" => Neighbour(null, isKnown: false),
            "group-has-others" => Neighbour(null),
            "group-has-platform-device" => Arm with { Groups = [Arm.Groups![0], Arm.Groups[1] with { OtherMembers = ["e0700000.dma"] }] },
            "direct-region" => Intel with { Groups = [Intel.Groups![0], Group(1, [Nic], Msi, new ReservedRegion(new Iova(0x7b80_0000), 0x80_0000, ReservedRegionType.Direct))] },
            "direct-relaxable-region" => Intel with { Groups = [Intel.Groups![0], Group(1, [Nic], Msi, new ReservedRegion(new Iova(0x7b80_0000), 0x80_0000, ReservedRegionType.DirectRelaxable))] },
            "reserved-regions-unknown" => Arm with { Groups = [Arm.Groups![0], Arm.Groups[1] with { ReservedRegions = null }] },
            "kernel-lacks-vfio" => Arm with { Kernel = Arm.Kernel with { Configuration = Without(Arm, "CONFIG_VFIO_PCI") } },
            "kernel-configuration-unknown" => Arm with { Kernel = Arm.Kernel with { Configuration = null, ConfigurationEvidence = null } },
            "own-driver" => Arm,
            "no-reset" => Arm with { Functions = [Arm.Functions[0], Arm.Functions[1] with { ResetMethods = [] }] },
            "no-msi-capability" => Arm with { Functions = [Arm.Functions[0], Arm.Functions[1] with { Config = ConfigBytes.Endpoint() }] },
            "noiommu-enabled" => Arm with { Kernel = Arm.Kernel with { ModuleParameters = new Dictionary<string, string> { ["vfio.enable_unsafe_noiommu_mode"] = "Y" } } },
            "bypass-allowed" => Arm with { Kernel = Arm.Kernel with { CommandLine = "quiet arm-smmu.disable_bypass=0" } },
            "iommu-passthrough" => Intel with { Kernel = Intel.Kernel with { CommandLine = "quiet intel_iommu=on iommu=pt" } },
            _ => throw new ArgumentOutOfRangeException(nameof(id), id, "no host is made for it"),
        };
        return (facts, options, device);
    }

    public static HostGroup Group(int number, IReadOnlyList<PciAddress> members, params IReadOnlyList<ReservedRegion> regions) => new(
        number, "DMA", members, [], regions.Count > 0 ? regions : [ReservedRegion.DefaultSoftwareMsi], new Evidence($"/sys/kernel/iommu_groups/{number}"));

    public static HostFunction Function(PciAddress address, string? driver, int? group) => new()
    {
        Address = address,
        Evidence = new Evidence($"/sys/bus/pci/devices/{address}"),
        VendorId = 0x15b3,
        DeviceId = 0x101d,
        ClassCode = 0x020000,
        Config = ConfigBytes.Endpoint(msiX: 64),
        Driver = driver,
        DriverKnown = true,
        Group = group,
        ResetMethods = ["flr", "bus"],
        Parent = address.Bus == 0 ? null : Port,
    };

    public static HostFunction Bridge(PciAddress address, PciExpressType? type, byte secondary, bool acs) => new()
    {
        Address = address,
        Evidence = new Evidence($"/sys/bus/pci/devices/{address}"),
        VendorId = 0x1b36,
        DeviceId = 0x000c,
        ClassCode = 0x060400,
        Config = ConfigBytes.Bridge(type, secondary, acs),
        Driver = "pcieport",
        DriverKnown = true,
        Group = 0,
    };

    private static FirmwareMsiController V2m => new("v2m@8020000", FirmwareMsiKind.GicV2m, 0x0802_0040, new Evidence("/sys/firmware/fdt", "/intc@8000000/v2m@8020000"));

    private static StaticFirmware Arm64Firmware(FirmwareMsiController? controller, bool hasIommu = true) => new()
    {
        Iommus = hasIommu ? [new FirmwareIommu { Name = "smmuv3@9050000", Model = SmmuModel.SmmuV3, Base = 0x0905_0000, InputBits = 48, Evidence = new Evidence("/sys/firmware/fdt", "/smmuv3@9050000") }] : [],
        MsiControllers = controller is null ? [] : [controller],
    };

    private static HostFunction[] Ungrouped(HostFacts facts) => [.. facts.Functions.Select(function => function with { Group = null })];

    private static Dictionary<string, string> Without(HostFacts facts, string option) => facts.Kernel.Configuration!.Where(pair => pair.Key != option).ToDictionary();

    // The NIC's second function, in one group with it for want of ACS.
    private static HostFacts Neighbour(string? driver, bool isKnown = true)
    {
        HostFunction second = Function(Nic with { Function = 1 }, driver, 1) with { DriverKnown = isKnown, ClassCode = 0x010601, Config = ConfigBytes.Endpoint(msi: 1, isMultifunction: true) };
        return Arm with
        {
            Functions = [Arm.Functions[0], Arm.Functions[1] with { Config = ConfigBytes.Endpoint(msiX: 64, isMultifunction: true) }, second],
            Groups = [Arm.Groups![0], Group(1, [Nic, second.Address])],
        };
    }
}
