using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Pci;

namespace Doorbell.Tests.Checks;

public class ReasonTests
{
    public static TheoryData<string> Ids => [.. ReasonKinds.All.Select(kind => kind.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_kind_of_reason_is_given_by_a_host_that_has_it_and_decides_as_it_says(string id)
    {
        (HostFacts facts, CheckOptions options, PciAddress device) = CheckHosts.With(id);
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, options).Functions);
        Assert.Equal(device, check.Function.Address);
        CheckReason reason = Assert.Single(check.Reasons, reason => reason.Kind.Id == id);
        CheckVerdict expected = reason.Kind.Severity switch
        {
            CheckSeverity.Blocks => CheckVerdict.NotAssignable,
            CheckSeverity.Unknown => CheckVerdict.Unknown,
            _ => CheckVerdict.Assignable,
        };
        Assert.Equal(expected, check.Verdict);
        Assert.Equal(reason.Kind.Severity == CheckSeverity.Unsafe, check.IsUnsafe);
        Assert.EndsWith(".", reason.Sentence, StringComparison.Ordinal);
        Assert.True(reason.Evidence.Count > 0 || reason.Kind.Severity == CheckSeverity.Unknown, "it says where it was read");
        Assert.True(reason.Remedy.Length > 0 || reason.Kind.Severity == CheckSeverity.Note, "it says what to do");
    }

    [Fact]
    public void The_good_hosts_are_assignable_and_nothing_but_their_driver_is_said()
    {
        foreach (HostFacts facts in new[] { CheckHosts.Arm, CheckHosts.Intel })
        {
            FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
            Assert.Equal(CheckVerdict.Assignable, check.Verdict);
            Assert.Equal("own-driver", Assert.Single(check.Reasons).Kind.Id);
            Assert.Contains("echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override", check.Reasons[0].Commands);
        }
    }

    [Fact]
    public void V4_A_neighbour_on_a_host_driver_blocks_and_a_bridge_or_one_on_vfio_does_not()
    {
        (HostFacts facts, CheckOptions options, _) = CheckHosts.With("group-not-viable");
        CheckReason reason = Assert.Single(PassthroughCheck.Judge(facts, options).Functions).Decisive!;
        Assert.Contains("0000:01:00.1 (ahci)", reason.Sentence, StringComparison.Ordinal);
        Assert.Contains("no ACS", reason.Sentence, StringComparison.Ordinal);
        Assert.Equal(["driverctl set-override 0000:01:00.1 vfio-pci"], reason.Commands);

        HostFacts handed = facts with { Functions = [facts.Functions[0], facts.Functions[1], facts.Functions[2] with { Driver = "vfio-pci" }] };
        Assert.Equal(CheckVerdict.Assignable, PassthroughCheck.Judge(handed, options).Verdict);
        HostFacts withPort = CheckHosts.Arm with { Groups = [CheckHosts.Group(1, [CheckHosts.Port, CheckHosts.Nic])], Functions = [CheckHosts.Arm.Functions[0] with { Group = 1 }, CheckHosts.Arm.Functions[1]] };
        Assert.Equal(CheckVerdict.Assignable, PassthroughCheck.Judge(withPort, options).Verdict);
    }

    [Fact]
    public void I9_All_direct_regions_of_a_function_are_one_reason_that_names_three()
    {
        foreach (ReservedRegionType type in new[] { ReservedRegionType.Direct, ReservedRegionType.DirectRelaxable })
        {
            ReservedRegion[] regions = [.. Enumerable.Range(1, 100).Select(i => new ReservedRegion(new Iova((ulong)i << 20), 0x1000, type))];
            HostFacts facts = CheckHosts.Intel with { Groups = [CheckHosts.Intel.Groups![0], CheckHosts.Group(1, [CheckHosts.Nic], regions)] };
            FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
            CheckReason reason = Assert.Single(check.Reasons, static reason => reason.Kind.Id.StartsWith("direct-", StringComparison.Ordinal));
            Assert.Contains($"{regions[2].Base}-{regions[2].Last} and 97 more", reason.Sentence, StringComparison.Ordinal);
            Assert.DoesNotContain($"{regions[3].Base}", reason.Sentence, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void V4_Of_many_platform_devices_in_a_group_three_are_named_and_the_others_counted()
    {
        HostFacts facts = CheckHosts.Arm with { Groups = [CheckHosts.Arm.Groups![0], CheckHosts.Arm.Groups[1] with { OtherMembers = [.. Enumerable.Range(0, 100).Select(static i => $"dma{i}")] }] };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
        CheckReason reason = Assert.Single(check.Reasons, static reason => reason.Kind == ReasonKinds.GroupHasPlatformDevice);
        Assert.Contains("dma0, dma1, dma2 and 97 more", reason.Brief, StringComparison.Ordinal);
        Assert.Contains("dma0, dma1, dma2 and 97 more;", reason.Sentence, StringComparison.Ordinal);
        Assert.Equal((32, 68), (check.Group!.OtherDevices.Count, check.Group.MoreOtherDevices));
    }

    [Fact]
    public void V4_A_group_the_function_names_and_nobody_read_is_not_known()
    {
        HostFacts facts = CheckHosts.Arm with { Groups = [CheckHosts.Arm.Groups![0]] };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
        Assert.Equal(CheckVerdict.Unknown, check.Verdict);
        Assert.Equal("groups-unknown", check.Decisive!.Kind.Id);
    }

    [Theory]
    [InlineData("IRQ_DOMAIN_FLAG_ISOLATED_MSI", CheckVerdict.Assignable)]
    [InlineData("IRQ_DOMAIN_FLAG_MSI_REMAP", CheckVerdict.Assignable)]
    [InlineData("IRQ_DOMAIN_NAME_ALLOCATED", CheckVerdict.NotAssignable)]
    public void V3_The_kernels_own_domains_outrank_the_firmware(string flag, CheckVerdict verdict)
    {
        string text = $"name:   :intc@8000000:its@8080000-5\n flags:  0x00000923\n            {flag}\n            IRQ_DOMAIN_FLAG_MSI_PARENT\n";
        HostFacts facts = CheckHosts.With(verdict == CheckVerdict.Assignable ? "msi-not-isolated" : "own-driver").Facts;
        facts = facts with { Kernel = facts.Kernel with { IrqDomains = new Dictionary<string, string> { [":intc@8000000:its@8080000-5"] = text, ["default"] = "name:   default\n" } } };
        Assert.Equal(verdict, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Fact]
    public void V3_Of_domains_that_differ_the_devices_own_counts()
    {
        const string Its = "            IRQ_DOMAIN_FLAG_MSI\n parent: its\n                IRQ_DOMAIN_FLAG_ISOLATED_MSI\n";
        const string V2m = "            IRQ_DOMAIN_FLAG_MSI\n parent: v2m\n";
        HostFacts facts = CheckHosts.With("msi-not-isolated").Facts;
        facts = facts with { Kernel = facts.Kernel with { IrqDomains = new Dictionary<string, string> { ["ITS-PCI-MSIX-0000:01:00.0-11"] = Its, ["GICv2m-PCI-MSIX-0000:02:00.0-11"] = V2m } } };
        Assert.True(Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions).Path.IsIsolated);

        // Before 6.3 every domain was asked.
        HostFacts old = facts with { Kernel = facts.Kernel with { Release = "6.1.0-40-arm64" } };
        Assert.Equal("msi-all-controllers", Assert.Single(PassthroughCheck.Judge(old, new CheckOptions()).Functions).Decisive!.Kind.Id);
    }

    [Theory]
    [InlineData("IR-PCI-MSI-0000:00:1f.2", CheckVerdict.Assignable)]
    [InlineData("PCI-MSI", CheckVerdict.NotAssignable)]
    [InlineData("IO-APIC", CheckVerdict.Unknown)]
    public void V3_On_x86_the_chips_of_interrupts_in_use_say_whether_remapping_is_on(string chip, CheckVerdict verdict)
    {
        HostFacts facts = CheckHosts.Intel with { Kernel = CheckHosts.Intel.Kernel with { InterruptChips = [chip] } };
        Assert.Equal(verdict, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Theory]
    [InlineData("PCI-MSIX-0000:01:00.0", CheckVerdict.NotAssignable)]
    [InlineData("IR-PCI-MSIX-0000:01:00.0", CheckVerdict.Assignable)]
    [InlineData("PCI-MSI-0000:00:02.0", CheckVerdict.Unknown)]
    public void V3_On_x86_the_devices_own_chip_counts_before_those_of_others(string chip, CheckVerdict verdict)
    {
        HostFacts facts = CheckHosts.Intel with { Kernel = CheckHosts.Intel.Kernel with { InterruptChips = ["IR-PCI-MSI-0000:00:1f.2", chip] } };
        Assert.Equal(verdict, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Theory]
    [InlineData("6.1.0-40-arm64", null, CheckVerdict.Assignable)]
    [InlineData("6.1.0-40-arm64", FirmwareMsiKind.Mbi, CheckVerdict.NotAssignable)]
    [InlineData("6.12.41-arm64", null, CheckVerdict.NotAssignable)]
    public void V3_Before_Linux_6_3_the_hosts_controllers_are_asked_and_not_the_devices_own(string release, FirmwareMsiKind? other, CheckVerdict verdict)
    {
        HostFacts facts = CheckHosts.With("no-msi-controller").Facts;
        var firmware = new StaticFirmware { Iommus = facts.Firmware!.Iommus, MsiControllers = other is { } kind ? [new FirmwareMsiController("other", kind, null, new Evidence("/sys/firmware/fdt"))] : [] };
        facts = facts with { Firmware = firmware, Kernel = facts.Kernel with { Release = release } };
        Assert.Equal(verdict, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Fact]
    public void V3_What_iommufd_allows_a_type1_container_does_not()
    {
        HostFacts facts = CheckHosts.With("msi-not-isolated").Facts;
        facts = facts with { Kernel = facts.Kernel with { ModuleParameters = new Dictionary<string, string> { ["iommufd.allow_unsafe_interrupts"] = "Y", ["vfio_iommu_type1.allow_unsafe_interrupts"] = "N" } } };
        Assert.Equal(CheckVerdict.NotAssignable, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Fact]
    public void V3_What_is_allowed_although_unsafe_is_assignable_and_said_whoever_allows_it()
    {
        HostFacts facts = CheckHosts.With("msi-not-isolated").Facts;
        FunctionCheck asked = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions { AllowUnsafeInterrupts = true }).Functions);
        Assert.Equal((CheckVerdict.Assignable, true), (asked.Verdict, asked.IsUnsafe));
        HostFacts onCommandLine = facts with { Kernel = facts.Kernel with { CommandLine = "vfio_iommu_type1.allow_unsafe_interrupts=1" } };
        FunctionCheck booted = Assert.Single(PassthroughCheck.Judge(onCommandLine, new CheckOptions()).Functions);
        Assert.True(booted.IsUnsafe);
        Assert.Contains(new Evidence("/proc/cmdline", "vfio_iommu_type1.allow_unsafe_interrupts=1"), booted.Decisive!.Evidence);

        // What is loaded says more than what was asked of it at boot.
        HostFacts takenBack = onCommandLine with { Kernel = onCommandLine.Kernel with { ModuleParameters = new Dictionary<string, string> { ["vfio_iommu_type1.allow_unsafe_interrupts"] = "N" } } };
        Assert.Equal(CheckVerdict.NotAssignable, PassthroughCheck.Judge(takenBack, new CheckOptions()).Verdict);
    }

    [Fact]
    public void V3_One_device_of_the_group_that_is_not_isolated_keeps_all_of_it_back()
    {
        (HostFacts facts, CheckOptions options, _) = CheckHosts.With("group-has-others");
        facts = facts with
        {
            Kernel = facts.Kernel with { InterruptChips = ["ITS-PCI-MSIX-0000:01:00.0", "GICv2m-PCI-MSIX-0000:01:00.1"] },
        };
        CheckReason reason = Assert.Single(PassthroughCheck.Judge(facts, options).Functions).Decisive!;
        Assert.Equal("msi-not-isolated", reason.Kind.Id);
        Assert.Contains("0000:01:00.1, in group 1 with 0000:01:00.0", reason.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x030000u, false)]
    [InlineData(0x0c0330u, false)]
    [InlineData(0x010400u, true)]
    public void I9_The_firmwares_direct_memory_keeps_a_device_back_but_not_a_graphics_or_USB_device(uint classCode, bool isKept)
    {
        // Tables alone: no kernel has said which groups and regions it made of them.
        StaticFirmware firmware = new()
        {
            Architecture = Doorbell.Machines.MachineArchitecture.X86,
            Iommus = CheckHosts.Intel.Firmware!.Iommus,
            ReservedMemory = [new FirmwareReservedMemory(new ReservedRegion(new Iova(0x7b80_0000), 0x1000, ReservedRegionType.Direct), [CheckHosts.Nic], null, new Evidence("/sys/firmware/acpi/tables/DMAR", "offset 0x80"))],
        };
        HostFacts facts = CheckHosts.Intel with
        {
            IsRunning = false, Groups = null, Firmware = firmware, Functions = [CheckHosts.Intel.Functions[0], CheckHosts.Intel.Functions[1] with { Group = null, ClassCode = classCode }],
        };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
        Assert.Equal(isKept, check.Reasons.Any(reason => reason.Kind == ReasonKinds.DirectRegion));
        Assert.Equal(isKept ? CheckVerdict.NotAssignable : CheckVerdict.Unknown, check.Verdict);
    }

    [Theory]
    [InlineData("6.1.0-40-amd64", CheckVerdict.Assignable)]
    [InlineData("6.6.0", CheckVerdict.NotAssignable)]
    public void I9_A_direct_region_keeps_a_device_from_users_on_AMD_since_6_6(string release, CheckVerdict verdict)
    {
        HostFacts intel = CheckHosts.With("direct-region").Facts;
        StaticFirmware amd = new()
        {
            Architecture = Doorbell.Machines.MachineArchitecture.X86,
            Iommus = [intel.Firmware!.Iommus[0] with { Name = "IVHD", Model = Doorbell.Machines.SmmuModel.AmdVi }],
        };
        HostFacts facts = intel with { Firmware = amd, Kernel = intel.Kernel with { Release = release, Iommus = ["ivhd0"] } };
        Assert.Equal(verdict, PassthroughCheck.Judge(facts, new CheckOptions()).Verdict);
    }

    [Fact]
    public void I9_What_a_user_may_map_is_the_aperture_without_the_window_and_open_where_the_aperture_is_not_known()
    {
        FunctionCheck known = Assert.Single(PassthroughCheck.Judge(CheckHosts.Arm, new CheckOptions()).Functions);
        Assert.Equal([(0ul, 0x7ff_fffful), (0x810_0000ul, 0xffff_ffff_fffful)], known.UsableRanges!.Select(range => (range.First.Value, range.Last.Value)));
        Assert.True(known.IsApertureKnown);
        FunctionCheck open = Assert.Single(PassthroughCheck.Judge(CheckHosts.Intel, new CheckOptions()).Functions);
        Assert.Equal([(0ul, 0xfedf_fffful), (0xfef0_0000ul, ulong.MaxValue)], open.UsableRanges!.Select(range => (range.First.Value, range.Last.Value)));
        Assert.False(open.IsApertureKnown);
    }

    [Fact]
    public void I1_The_path_names_requester_stream_controller_doorbell_and_the_pages_of_the_kernels_size()
    {
        MsiPath path = Assert.Single(PassthroughCheck.Judge(CheckHosts.Arm, new CheckOptions()).Functions).Path;
        Assert.Equal(((ushort)0x100, 0x100u, 0x100u), (path.Requester!.Value.Value, path.StreamId!.Value, path.DeviceId!.Value));
        Assert.Equal(("smmuv3@9050000", "its@8080000", (ulong?)0x0809_0040, true, (int?)1), (path.Iommu, path.Controller, path.Doorbell, path.IsTranslated!.Value, path.Pages));
        MsiPath x86 = Assert.Single(PassthroughCheck.Judge(CheckHosts.Intel, new CheckOptions()).Functions).Path;
        Assert.Equal(((bool?)false, (int?)0, (ReservedRegion?)null), (x86.IsTranslated, x86.Pages, x86.Window));
    }

    [Fact]
    public void M11_Behind_a_bridge_to_conventional_PCI_the_requester_is_the_bridges_bus()
    {
        HostFacts facts = CheckHosts.Arm with { Functions = [CheckHosts.Bridge(CheckHosts.Port, PciExpressType.PcieToPciBridge, 1, acs: false), CheckHosts.Arm.Functions[1] with { Address = CheckHosts.Nic with { Device = 2 } }] };
        MsiPath path = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions).Path;
        Assert.Equal(((ushort)0x100, CheckHosts.Port), (path.Requester!.Value.Value, path.AliasOf!.Value));

        // Without root the bridge's kind cannot be seen: nothing is made up.
        HostFacts blind = facts with { Functions = [facts.Functions[0] with { Config = facts.Functions[0].Config[..0x40] }, facts.Functions[1]] };
        MsiPath unseen = Assert.Single(PassthroughCheck.Judge(blind, new CheckOptions()).Functions).Path;
        Assert.Equal(((RequesterId?)null, (uint?)null, "smmuv3@9050000"), (unseen.Requester, unseen.StreamId, unseen.Iommu));
    }

    [Fact]
    public void I1_On_an_SMMU_that_cannot_translate_MSIs_the_ITS_frame_is_reserved_and_there_is_no_window()
    {
        StaticFirmware firmware = new()
        {
            Iommus = [CheckHosts.Arm.Firmware!.Iommus[0] with { Product = "HiSilicon Hi161x" }],
            MsiControllers = CheckHosts.Arm.Firmware.MsiControllers,
        };
        HostFacts facts = CheckHosts.Arm with { IsRunning = false, Groups = null, Functions = [CheckHosts.Arm.Functions[1] with { Group = null, Parent = null }], Firmware = firmware };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
        ReservedRegion region = Assert.Single(check.ReservedRegions!);
        Assert.Equal((0x0809_0000ul, 0x0809_fffful, ReservedRegionType.Msi), (region.Base.Value, region.Last.Value, region.Type));
        Assert.Equal(((bool?)false, (ReservedRegion?)null), (check.Path.IsTranslated, check.Path.Window));
    }

    [Fact]
    public void M2_A_pre_ITS_that_a_table_names_takes_isolation_away()
    {
        StaticFirmware firmware = new() { Iommus = CheckHosts.Arm.Firmware!.Iommus, MsiControllers = [CheckHosts.Arm.Firmware.MsiControllers[0] with { Product = "socionext,synquacer-pre-its" }] };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(CheckHosts.Arm with { Firmware = firmware }, new CheckOptions()).Functions);
        Assert.Equal(("msi-not-isolated", CheckVerdict.NotAssignable), (check.Decisive!.Kind.Id, check.Verdict));
        Assert.Contains("erratum socionext-pre-its", check.Decisive.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void V3_A_chipset_with_which_the_kernel_leaves_remapping_off_decides_for_the_whole_host()
    {
        byte[] config = ConfigBytes.Endpoint(type: null);
        config[8] = 0x13;
        HostFunction chipset = CheckHosts.Function(new PciAddress(0, 0, 0, 0), null, null) with { VendorId = 0x8086, DeviceId = 0x3403, ClassCode = 0x060000, Config = config, Group = 0 };
        HostFacts facts = CheckHosts.With("msi-isolation-unknown").Facts;
        facts = facts with { Functions = [chipset, .. facts.Functions] };
        CheckReason reason = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions { Devices = [CheckHosts.Nic] }).Functions).Decisive!;
        Assert.Equal("interrupt-remapping-off", reason.Kind.Id);
        Assert.Contains("0000:00:00.0, erratum intel-5500-intremap", reason.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void V4_A_group_of_thousands_names_some_and_counts_the_others()
    {
        List<HostFunction> functions = [CheckHosts.Arm.Functions[0]];
        for (int i = 0; i < 4000; i++)
        {
            functions.Add(CheckHosts.Function(new PciAddress(0, (byte)(1 + (i >> 8)), (byte)((i >> 3) & 0x1f), (byte)(i & 7)), i < 2000 ? "ahci" : null, 1));
        }

        HostFacts facts = CheckHosts.Arm with { Functions = functions, Groups = [CheckHosts.Arm.Groups![0], CheckHosts.Group(1, [.. functions.Skip(1).Select(function => function.Address)])] };
        CheckReport report = PassthroughCheck.Judge(facts, new CheckOptions());
        Assert.Equal(4000, report.Count(CheckVerdict.NotAssignable));
        Assert.All(report.Functions, check => Assert.Equal((32, 3999 - 32), (check.Group!.Others.Count, check.Group.MoreOthers)));
        Assert.Contains("0000:01:00.1 (ahci), 0000:01:00.2 (ahci), 0000:01:00.3 (ahci) and 1996 more are the host's", report.Functions[0].Decisive!.Sentence, StringComparison.Ordinal);
        Assert.Contains("and 1997 more are the host's", report.Functions[3000].Decisive!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void V4_A_group_that_VFIO_made_for_noiommu_is_none()
    {
        HostFacts facts = CheckHosts.With("no-iommu").Facts;
        facts = facts with { Groups = [CheckHosts.Group(0, [CheckHosts.Nic]) with { Name = "vfio-noiommu" }], Functions = [facts.Functions[0], facts.Functions[1] with { Group = 0 }] };
        FunctionCheck check = Assert.Single(PassthroughCheck.Judge(facts, new CheckOptions()).Functions);
        Assert.Equal(("no-iommu", (GroupCheck?)null), (check.Decisive!.Kind.Id, check.Group));
    }
}
