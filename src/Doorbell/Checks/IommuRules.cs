using Doorbell.Checks.Errata;
using Doorbell.Hosts;
using Doorbell.Machines;

namespace Doorbell.Checks;

/// <summary>Whether the function has a group at all, and where it has none, what keeps the kernel from making one.</summary>
internal sealed class IommuRules(HostFacts facts, KernelView kernel)
{
    private readonly MachineArchitecture? _architecture = facts.Architecture ?? facts.Firmware?.Architecture;

    /// <summary>Adds a reason where there is one.</summary>
    public void Judge(HostFunction function, FirmwarePath? path, List<CheckReason> reasons)
    {
        if (facts.Groups is null)
        {
            WithoutKernel(function, path, reasons);
        }
        else if (function.Group is null)
        {
            reasons.Add(facts.Groups.Count == 0 && facts.IsRunning ? WhyNone(function) : WhyNotIt(function, path));
        }
    }

    private void WithoutKernel(HostFunction function, FirmwarePath? path, List<CheckReason> reasons)
    {
        if (function is { ClassCode: >= 0x030000 and <= 0x03ffff, Address.Bus: 0 } && FindGraphicsErratum(function) is var (chipset, erratum))
        {
            reasons.Add(new CheckReason(ReasonKinds.NoGroup, "the kernel leaves its IOMMU off", $"{function.Address} gets no IOMMU group: {erratum.Sentence} ({chipset.Address}, erratum {erratum.Id}).", [chipset.Evidence], "Use another graphics device", []));
            return;
        }

        if (path is { IsKnown: true, Iommu: null })
        {
            reasons.Add(NoIommu(function, path.Evidence));
            return;
        }

        if (path is not { IsKnown: true })
        {
            reasons.Add(new CheckReason(ReasonKinds.IommuUnknown, "what translates its DMA is not known", $"Nothing that was read says where the DMA of {function.Address} goes.", [], "Let the check read /sys/kernel/iommu_groups of the running host, or its firmware's tables", []));
        }

        reasons.Add(new CheckReason(
            ReasonKinds.GroupsUnknown,
            "its IOMMU group is not known",
            $"Which group {function.Address} is in, and with whom, is not known: {(facts.IsRunning ? "/sys/kernel/iommu_groups was not read" : "that is the kernel's decision, and the source is no running host")}.",
            [],
            facts.IsRunning ? "ls -R /sys/kernel/iommu_groups" : "Run the check on the host itself, or on a capture of it (doorbell capture)",
            []));
    }

    private (HostFunction Chipset, Erratum Erratum)? FindGraphicsErratum(HostFunction graphics)
    {
        foreach (HostFunction other in facts.Functions)
        {
            if (other.VendorId == graphics.VendorId && ErrataList.For(other).FirstOrDefault(static erratum => erratum is { Scope: ErratumScope.Graphics, Effect: ErratumEffect.NotTranslated }) is { } erratum)
            {
                return (other, erratum);
            }
        }

        return null;
    }

    private CheckReason WhyNone(HostFunction function)
    {
        string none = $"{function.Address} is in no IOMMU group, for the kernel has none";
        foreach (string name in Switches())
        {
            if (kernel.FindOption(name, "off") is { } word)
            {
                return new CheckReason(ReasonKinds.IommuOff, $"the IOMMU is off ({word})", $"{none}: its command line says {word}.", [KernelView.AtWord(word)], $"Take {word} off the kernel's command line and boot again", []);
            }
        }

        (string Option, string What)[] drivers = Drivers();
        foreach ((string option, string what) in drivers)
        {
            if (kernel.Lacks(option))
            {
                return new CheckReason(ReasonKinds.KernelLacksIommuDriver, $"the kernel has no driver for its IOMMU ({option})", $"{none}: it is built without {option}, the driver of {what}.", [kernel.Configuration], $"Use a kernel with {option}=y", []);
            }
        }

        bool isIntel = facts.Firmware?.Iommus.Any(static unit => unit.Model == SmmuModel.VtD) == true;
        if (isIntel && facts.Kernel.Configuration is not null && kernel.Lacks("CONFIG_INTEL_IOMMU_DEFAULT_ON") && facts.Kernel.CommandLine is not null && kernel.FindOption("intel_iommu", "on") is null)
        {
            return new CheckReason(
                ReasonKinds.IommuNotEnabled,
                "the IOMMU is not switched on (intel_iommu=on)",
                $"{none}: it is built without CONFIG_INTEL_IOMMU_DEFAULT_ON, and its command line does not say intel_iommu=on.",
                [kernel.Configuration, new Evidence(KernelView.CommandLineFile)],
                "Add intel_iommu=on to the kernel's command line and boot again",
                []);
        }

        return NoIommu(function, [new Evidence("/sys/kernel/iommu_groups")]);
    }

    // Parameters with which x86 leaves an IOMMU off; Arm's kernel has none.
    private string[] Switches() => _architecture != MachineArchitecture.X86 ? []
        : facts.Firmware is { Iommus: [{ Model: SmmuModel.VtD }, ..] } ? ["intel_iommu", "iommu"]
        : facts.Firmware is { Iommus: [{ Model: SmmuModel.AmdVi }, ..] } ? ["amd_iommu", "iommu"]
        : ["intel_iommu", "amd_iommu", "iommu"];

    private (string Option, string What)[] Drivers() => facts.Firmware is null
        ? []
        : [.. facts.Firmware.Iommus.DistinctBy(static unit => unit.Model).Select(static unit => (OptionOf(unit.Model), $"{unit.Name} ({Describe.Kind(unit)})"))];

    private static string OptionOf(SmmuModel model) => model switch
    {
        SmmuModel.SmmuV3 => "CONFIG_ARM_SMMU_V3",
        SmmuModel.SmmuV2 => "CONFIG_ARM_SMMU",
        SmmuModel.VtD => "CONFIG_INTEL_IOMMU",
        _ => "CONFIG_AMD_IOMMU",
    };

    private CheckReason NoIommu(HostFunction function, IReadOnlyList<Evidence> evidence)
    {
        bool isDescribed = facts.Firmware?.Iommus.Count > 0;
        string units = isDescribed ? string.Join(", ", facts.Firmware!.Iommus.Take(3).Select(static unit => unit.Name)) : "";
        string sentence = !facts.IsRunning ? $"No IOMMU translates {function.Address}, so it is in no IOMMU group and VFIO offers no /dev/vfio/N for it."
            : isDescribed ? $"{function.Address} is in no IOMMU group, for the kernel has none, although the firmware describes {units}."
            : $"{function.Address} is in no IOMMU group, for the kernel has none{(facts.Firmware is null ? "" : ", and the firmware describes no IOMMU")}.";
        string remedy = !facts.IsRunning ? "Nothing but another machine, or a board whose firmware puts its IOMMU in front of PCI"
            : isDescribed ? "dmesg says why the kernel does not use it (dmesg | grep -i -e DMAR -e AMD-Vi -e smmu)"
            : _architecture == MachineArchitecture.X86 ? "Switch VT-d or AMD-Vi (SVM, IOMMU) on in the firmware's setup; a machine without either cannot do it" : "Look in the firmware's setup for the SMMU; a board without one cannot do it";
        return new CheckReason(ReasonKinds.NoIommu, "no IOMMU translates it", sentence, evidence, remedy, []);
    }

    private CheckReason WhyNotIt(HostFunction function, FirmwarePath? path)
    {
        if (function.NoGroupReason is { } why)
        {
            return new CheckReason(ReasonKinds.NoGroup, "it is in no IOMMU group", $"{function.Address} is in no IOMMU group: {why}.", [function.Evidence], "Put it into another slot, where its requester ID is its own", []);
        }

        if (!facts.IsRunning)
        {
            return NoIommu(function, path?.Evidence ?? [function.Evidence]);
        }

        return path is { IsKnown: true, Iommu: null }
            ? new CheckReason(ReasonKinds.NoGroup, "it is in no IOMMU group: none stands before it", $"{function.Address} is in no IOMMU group: the firmware puts no IOMMU in front of it.", [function.Evidence, .. path.Evidence], "Put it into a slot behind an IOMMU", [])
            : new CheckReason(ReasonKinds.NoGroup, "it is in no IOMMU group", $"{function.Address} is in no IOMMU group although other devices are.", [new Evidence(function.Evidence.File + "/iommu_group")], "dmesg says why (an SMMUv3 refuses a second device with one StreamID: \"Aliasing StreamID\"); another slot may help", []);
    }
}
