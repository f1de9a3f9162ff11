using Doorbell.Checks.Errata;
using Doorbell.Hosts;
using Doorbell.Machines;

namespace Doorbell.Checks;

/// <summary>
/// V3: whether something looks at who writes an MSI (Linux, msi_device_has_isolated_msi). The kernel's own interrupt domains come first, then on x86 the chips that
/// MSIs in use go through, parameters and configuration, and last what the firmware says.
/// </summary>
internal sealed class MsiIsolation
{
    private const string DomainFolder = "/sys/kernel/debug/irq/domains";
    private const string IsolatedFlag = "IRQ_DOMAIN_FLAG_ISOLATED_MSI";

    // Its name before Linux 6.3.
    private const string RemapFlag = "IRQ_DOMAIN_FLAG_MSI_REMAP";
    private const string WhatTells = "As root: mount -t debugfs debugfs /sys/kernel/debug, and look for IRQ_DOMAIN_FLAG_ISOLATED_MSI below /sys/kernel/debug/irq/domains (a kernel with CONFIG_GENERIC_IRQ_DEBUGFS), or let the check read the firmware's tables";

    private static readonly KernelVersion AsksOneController = new(6, 3);

    private readonly HostFacts _facts;
    private readonly KernelView _kernel;
    private readonly MachineArchitecture? _architecture;
    private readonly List<(string Name, bool IsIsolated)> _domains = [];
    private readonly Dictionary<string, bool> _deviceDomains = [];
    private readonly (HostFunction Function, Erratum Erratum)? _hostErratum;

    public MsiIsolation(HostFacts facts, KernelView kernel)
    {
        _facts = facts;
        _kernel = kernel;
        _architecture = facts.Architecture ?? facts.Firmware?.Architecture;
        foreach (HostFunction function in facts.Functions)
        {
            if (ErrataList.For(function).FirstOrDefault(static erratum => erratum is { Scope: ErratumScope.Host, Effect: ErratumEffect.NotIsolated }) is { } erratum)
            {
                _hostErratum = (function, erratum);
            }
        }

        foreach ((string name, string text) in facts.Kernel.IrqDomains ?? new Dictionary<string, string>())
        {
            // A domain's text has those of its parents below it, and any of them is enough.
            bool isMsi = text.Contains("IRQ_DOMAIN_FLAG_MSI\n", StringComparison.Ordinal) || text.EndsWith("IRQ_DOMAIN_FLAG_MSI", StringComparison.Ordinal) || text.Contains("IRQ_DOMAIN_FLAG_MSI_PARENT", StringComparison.Ordinal);
            if (!isMsi || !name.Contains("PCI", StringComparison.Ordinal) && text.Contains("IRQ_DOMAIN_FLAG_MSI_DEVICE", StringComparison.Ordinal))
            {
                continue; // no MSI, or another bus's device
            }

            bool isIsolated = text.Contains(IsolatedFlag, StringComparison.Ordinal) || text.Contains(RemapFlag, StringComparison.Ordinal);
            _domains.Add((name, isIsolated));
            int address = name.IndexOf("MSI", StringComparison.Ordinal) is >= 0 and int msi ? name.IndexOf('-', msi) : -1;
            if (address > 0 && name.Length >= address + 13 && PciAddress.TryParse(name.Substring(address + 1, 12), out PciAddress device))
            {
                _deviceDomains[device.ToString()] = isIsolated;
            }
        }
    }

    /// <summary>The answer for a function.</summary>
    /// <param name="function">The function.</param>
    /// <param name="path">What the firmware says of its way; null where it says nothing.</param>
    public IsolationAnswer Of(HostFunction function, FirmwarePath? path)
    {
        if (FromDomains(function) is { } told)
        {
            return told;
        }

        return _architecture switch
        {
            MachineArchitecture.X86 => OfX86(function, path),
            MachineArchitecture.Arm64 => OfArm(function, path),
            _ => Unknown("neither the host's interrupt domains nor its instruction set are known", []),
        };
    }

    private IsolationAnswer? FromDomains(HostFunction function)
    {
        if (_domains.Count == 0)
        {
            return null;
        }

        // Before Linux 6.3 one domain that does not is enough.
        if (_kernel.Version < AsksOneController && _domains.Find(static domain => !domain.IsIsolated) is { Name: { } other } && _domains.Exists(static domain => domain.IsIsolated))
        {
            return new IsolationAnswer(false, $"interrupt domain {other} does not look at who writes, and Linux before 6.3 asks every domain of the host", [new Evidence($"{DomainFolder}/{other}")], ReasonKinds.MsiAllControllers, "Use Linux 6.3 or newer, which asks the device's own controller only");
        }

        if (!_deviceDomains.TryGetValue(function.Address.ToString(), out bool isIsolated))
        {
            isIsolated = _domains[0].IsIsolated;
            if (_domains.Exists(domain => domain.IsIsolated != isIsolated))
            {
                return null; // some do, some do not, and which is the function's is not said
            }
        }

        string flag = _kernel.Version < AsksOneController ? RemapFlag : IsolatedFlag;
        Evidence evidence = new(_facts.Kernel.IrqDomains!.Count == 1 ? $"{DomainFolder}/{_domains[0].Name}" : DomainFolder, flag);
        return isIsolated
            ? Isolated($"the kernel's interrupt domains have the flag {flag}", [evidence])
            : _architecture == MachineArchitecture.X86
            ? Off($"the kernel's interrupt domains lack the flag {flag}", [evidence])
            : NotIsolated($"the kernel's interrupt domains lack the flag {flag}", [evidence]);
    }

    private IsolationAnswer OfX86(HostFunction function, FirmwarePath? path)
    {
        Evidence interrupts = new("/proc/interrupts");
        if (_facts.Kernel.InterruptChips is { } all)
        {
            // Since Linux 6.2 a chip's name ends in its device's address: the function's own says it best. A bare name, or other devices' where all agree, says it too.
            string address = $"-{function.Address}";
            string[] its = [.. all.Where(chip => chip.EndsWith(address, StringComparison.Ordinal))];
            string[] chips = [.. (its.Length > 0 ? its : all).Where(static chip => chip.Contains("PCI-MSI", StringComparison.Ordinal))];
            if (chips.Select(static chip => chip.StartsWith("IR-", StringComparison.Ordinal)).Distinct().Count() > 1)
            {
                return Unknown("some devices' MSIs go through interrupt remapping (IR-PCI-MSI) and some do not, and none of its own is in use", [interrupts]);
            }

            if (chips.Any(static chip => chip.StartsWith("IR-PCI-MSI", StringComparison.Ordinal)))
            {
                return Isolated("MSIs in use go through interrupt remapping (IR-PCI-MSI)", [interrupts]);
            }

            if (chips.Any(static chip => chip.StartsWith("PCI-MSI", StringComparison.Ordinal)))
            {
                return Off("MSIs in use go straight to the CPUs' local APICs (PCI-MSI, not IR-PCI-MSI)", [interrupts]);
            }
        }

        if (_hostErratum is var (flawed, erratum))
        {
            return Off($"{erratum.Sentence} ({flawed.Address}, erratum {erratum.Id})", [flawed.Evidence]);
        }

        if ((_kernel.FindOption("intremap", "off") ?? _kernel.FindWord("nointremap")) is { } word)
        {
            return Off($"the kernel is told to leave interrupt remapping off ({word})", [KernelView.AtWord(word)]);
        }

        if (_facts.IsRunning && _kernel.Lacks("CONFIG_IRQ_REMAP"))
        {
            return Off("the kernel is built without interrupt remapping (CONFIG_IRQ_REMAP)", [_kernel.Configuration]);
        }

        IReadOnlyList<FirmwareIommu> units = path?.Iommu is { } own ? [own] : _facts.Firmware?.Iommus ?? [];
        if (units.FirstOrDefault(static unit => unit.InterruptRemapping == false) is { } without)
        {
            return Off($"the firmware says that {without.Name} does not remap interrupts", [without.Evidence]);
        }

        if (units.Count == 0 && _facts.Firmware is not null && !_facts.IsRunning)
        {
            return Off("the firmware describes no IOMMU that would remap interrupts", []);
        }

        if (units.Count == 0 || units.Any(static unit => unit.InterruptRemapping is null))
        {
            return Unknown("whether interrupt remapping is on was not to be seen", [interrupts]);
        }

        return _facts.IsRunning
            ? Unknown($"{units[0].Name} can remap interrupts, but whether the kernel switched that on was not to be seen", [units[0].Evidence])
            : Isolated($"{units[0].Name} remaps interrupts", [units[0].Evidence]);
    }

    private IsolationAnswer OfArm(HostFunction function, FirmwarePath? path)
    {
        string address = function.Address.ToString();
        string? chip = _facts.Kernel.InterruptChips?.FirstOrDefault(chip => chip.EndsWith(address, StringComparison.Ordinal) && chip.Contains("MSI", StringComparison.Ordinal));
        if (chip is not null && !chip.StartsWith("ITS-", StringComparison.Ordinal))
        {
            return NotIsolated($"its MSIs go through {chip[..(chip.Length - address.Length)].TrimEnd('-')}, which does not look at who writes", [new Evidence("/proc/interrupts", chip)]);
        }

        if (path is not { IsKnown: true })
        {
            return Unknown(
                chip is null ? "nothing that was read says which MSI controller takes its writes" : "its MSIs go to an ITS, which isolates unless something before it says who writes; that was not to be seen",
                chip is null ? [] : [new Evidence("/proc/interrupts", chip)]);
        }

        bool asksAll = _facts.IsRunning && _kernel.Version < AsksOneController;
        if (path.Controller is not { } controller)
        {
            // Linux before 6.3 asks the host's controllers, whichever it may be, and finds none at fault where there is none.
            return asksAll ? OfAll("its own is not named; ", path.Evidence) : new IsolationAnswer(false, "the firmware names no MSI controller for it", path.Evidence, ReasonKinds.NoMsiController, "Look whether the firmware's IORT or msi-map leaves the device out by mistake");
        }

        if (ErrataList.For(controller).FirstOrDefault(static erratum => erratum.Effect == ErratumEffect.NotIsolated) is { } flaw)
        {
            return NotIsolated($"{controller.Name}: {flaw.Sentence} (erratum {flaw.Id})", [controller.Evidence]);
        }

        if (!(controller.Isolates ?? controller.Kind == FirmwareMsiKind.Its))
        {
            return NotIsolated(
                controller.Kind == FirmwareMsiKind.Its
                    ? $"{controller.Name} is an ITS, but what stands before it takes the writer's ID from the address"
                    : $"{controller.Name} ({Describe.Kind(controller)}) raises whatever interrupt is written to it, whoever writes it",
                [controller.Evidence]);
        }

        if (asksAll && OfAll($"{controller.Name} looks at who writes, but ", [controller.Evidence]) is { IsIsolated: false } other)
        {
            return other;
        }

        return Isolated($"{controller.Name} ({Describe.Kind(controller)}) looks a write up by its writer's DeviceID", [controller.Evidence]);
    }

    // irq_domain_check_msi_remap: every MSI domain of the host, none included.
    private IsolationAnswer OfAll(string but, IReadOnlyList<Evidence> evidence) => _facts.Firmware!.MsiControllers.FirstOrDefault(static other => !DoesIsolate(other)) is { } careless
        ? new IsolationAnswer(false, $"{but}{careless.Name} ({Describe.Kind(careless)}) does not, and Linux before 6.3 asks every controller of the host", [.. evidence, careless.Evidence], ReasonKinds.MsiAllControllers, "Use Linux 6.3 or newer, which asks the device's own controller only")
        : Isolated("Linux before 6.3 asks the host's MSI controllers, and none of them fails to look at who writes", evidence);

    private static bool DoesIsolate(FirmwareMsiController controller) => (controller.Isolates ?? controller.Kind == FirmwareMsiKind.Its)
        && ErrataList.For(controller).All(static erratum => erratum.Effect != ErratumEffect.NotIsolated);

    private static IsolationAnswer Isolated(string because, IReadOnlyList<Evidence> evidence) => new(true, because, evidence, ReasonKinds.MsiNotIsolated, "");

    private static IsolationAnswer NotIsolated(string because, IReadOnlyList<Evidence> evidence) => new(
        false, because, evidence, ReasonKinds.MsiNotIsolated, "Use a machine whose MSI controller isolates devices (GICv3 ITS), or accept the risk with vfio_iommu_type1.allow_unsafe_interrupts=1 where every owner is trusted");

    private static IsolationAnswer Off(string because, IReadOnlyList<Evidence> evidence) => new(
        false, because, evidence, ReasonKinds.InterruptRemappingOff, "Switch interrupt remapping on (VT-d or AMD-Vi in the firmware's setup, no intremap=off), or accept the risk with vfio_iommu_type1.allow_unsafe_interrupts=1 where every owner is trusted");

    private IsolationAnswer Unknown(string because, IReadOnlyList<Evidence> evidence) => new(
        null, because, evidence, ReasonKinds.MsiIsolationUnknown, _architecture == MachineArchitecture.X86 ? "grep IR-PCI-MSI /proc/interrupts: a line says that remapping is on" : WhatTells);
}
