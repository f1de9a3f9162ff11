using Doorbell.Hosts;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Checks;

/// <summary>Will passthrough work on a host, is it safe, and why (not): the kernel's rules asked of what is known (docs/check.md).</summary>
public sealed class PassthroughCheck
{
    // drivers/vfio/vfio_main.c, vfio_noiommu_group_alloc.
    private const string NoIommuName = "vfio-noiommu";

    private readonly HostFacts _facts;
    private readonly CheckOptions _options;
    private readonly HostTopology _topology;
    private readonly KernelView _kernel;
    private readonly MsiIsolation _isolation;
    private readonly PathFinder _paths;
    private readonly IommuRules _iommus;
    private readonly GroupRules _groupRules;
    private readonly ReservedRules _reserved;
    private readonly IReadOnlyList<CheckReason> _kernelReasons;
    private readonly Evidence? _unsafeAllowed;
    private readonly Dictionary<int, GroupState> _groups = [];
    private readonly Dictionary<PciAddress, IsolationAnswer> _answers = [];

    private PassthroughCheck(HostFacts facts, CheckOptions options)
    {
        _facts = facts;
        _options = options;
        _topology = new HostTopology(facts.Functions);
        _kernel = new KernelView(facts.Kernel);
        _isolation = new MsiIsolation(facts, _kernel);
        _paths = new PathFinder(facts, _topology);
        _iommus = new IommuRules(facts, _kernel);
        _groupRules = new GroupRules(_topology);
        _reserved = new ReservedRules(facts, _kernel);
        _kernelReasons = new KernelRules(facts, _kernel).Judge();
        _unsafeAllowed = _kernel.FindSwitch("vfio_iommu_type1", "allow_unsafe_interrupts"); // iommufd's own does not let a type1 container have it
        foreach (HostGroup group in facts.Groups ?? [])
        {
            _groups[group.Number] = new GroupState(group, _topology, facts.IsRunning);
        }
    }

    /// <summary>Judges a host.</summary>
    /// <param name="facts">What is known of it; nothing that is not there is guessed.</param>
    /// <param name="options">What is asked.</param>
    public static CheckReport Judge(HostFacts facts, CheckOptions options) => new PassthroughCheck(WithoutNoIommu(facts), options).Judge();

    // A group that VFIO made for a device without an IOMMU (noiommu) keeps nothing apart: to everyone else the device has none.
    private static HostFacts WithoutNoIommu(HostFacts facts)
    {
        HashSet<int> made = [.. (facts.Groups ?? []).Where(static group => group.Name == NoIommuName).Select(static group => group.Number)];
        return made.Count == 0 ? facts : facts with
        {
            Groups = [.. facts.Groups!.Where(group => !made.Contains(group.Number))],
            Functions = [.. facts.Functions.Select(function => function.Group is { } number && made.Contains(number) ? function with { Group = null } : function)],
        };
    }

    private CheckReport Judge()
    {
        List<FunctionCheck> functions = [.. Asked().Select(Judge)];
        List<PciRangeCheck> ranges = _facts.Functions.Count == 0 && _facts.Firmware is not null ? Ranges(_facts.Firmware) : [];
        return new CheckReport
        {
            Host = Summarise(functions, ranges),
            Functions = functions,
            Ranges = ranges,
            Unknown = _facts.Unknown,
            Notes = _facts.Firmware?.Notes ?? [],
        };
    }

    // A function nobody lists can be asked for where the source lists none.
    private IEnumerable<HostFunction> Asked() => _options.Devices.Count == 0
        ? _facts.Functions.Where(static function => !function.IsBridge).OrderBy(static function => function.Address)
        : _options.Devices.Distinct().Order().Select(address => _topology.Find(address) ?? new HostFunction { Address = address, Evidence = new Evidence(_facts.Name) });

    private FunctionCheck Judge(HostFunction function)
    {
        List<CheckReason> reasons = [];
        FirmwarePath? path = _paths.FindFirmwarePath(function, out RequesterId? requester, out PciAddress? alias);
        GroupState? state = function.Group is { } number ? _groups.GetValueOrDefault(number) : null;
        HostGroup? group = state?.Group;
        if (function.Group is not null && group is null)
        {
            reasons.Add(new CheckReason(ReasonKinds.GroupsUnknown, "its IOMMU group is not known", $"{function.Address} is in group {function.Group}, which was not read.", [function.Evidence], "ls -R /sys/kernel/iommu_groups", []));
        }

        _iommus.Judge(function, path, reasons);
        IsolationAnswer isolation = IsolationOf(function, path);
        JudgeIsolation(function, state, isolation, reasons);
        GroupCheck? groupCheck = state is null ? null : _groupRules.Describe(function, state);
        if (state is not null)
        {
            _groupRules.Judge(function, state, reasons);
        }

        IReadOnlyList<ReservedRegion>? regions = _reserved.Find(function, group, path);
        _reserved.Judge(function, group, path, regions, reasons);
        reasons.AddRange(_kernelReasons);
        HostCapabilities capabilities = _topology.CapabilitiesOf(function);
        int? msi = capabilities.Msi?.Vectors ?? (capabilities.IsKnown ? 0 : null), msiX = capabilities.MsiX?.Vectors ?? (capabilities.IsKnown ? 0 : null);
        Notes(function, msi, msiX, reasons);
        reasons.Sort(static (left, right) => left.Kind.Severity != right.Kind.Severity ? left.Kind.Severity.CompareTo(right.Kind.Severity) : 0);
        int? bits = path?.Iommu?.InputBits;
        return new FunctionCheck
        {
            Function = function,
            Verdict = Decide(reasons),
            Reasons = reasons,
            Path = _paths.Describe(function, path, requester, alias, isolation, regions, group is not null),
            Group = groupCheck,
            ReservedRegions = regions,
            UsableRanges = regions is null ? null : ReservedRules.Usable(regions, bits),
            IsApertureKnown = bits is not null,
            MsiVectors = msi,
            MsiXVectors = msiX,
        };
    }

    private static CheckVerdict Decide(List<CheckReason> reasons) =>
        reasons.Exists(static reason => reason.Kind.Severity == CheckSeverity.Blocks) ? CheckVerdict.NotAssignable
        : reasons.Exists(static reason => reason.Kind.Severity == CheckSeverity.Unknown) ? CheckVerdict.Unknown
        : CheckVerdict.Assignable;

    private IsolationAnswer IsolationOf(HostFunction function, FirmwarePath? path)
    {
        if (!_answers.TryGetValue(function.Address, out IsolationAnswer? answer))
        {
            answer = _isolation.Of(function, path);
            _answers.Add(function.Address, answer);
        }

        return answer;
    }

    private void JudgeIsolation(HostFunction function, GroupState? group, IsolationAnswer own, List<CheckReason> reasons)
    {
        (HostFunction Who, IsolationAnswer Answer) worst = (function, own);
        if (own.IsIsolated != false && group is not null && WorstOf(group) is var (other, answer) && answer.IsIsolated != own.IsIsolated && answer.IsIsolated != true)
        {
            worst = (other, answer);
        }

        if (worst.Answer.IsIsolated == true)
        {
            return;
        }

        string who = worst.Who.Address == function.Address ? $"{function.Address}" : $"{worst.Who.Address}, in group {group!.Group.Number} with {function.Address}";
        if (worst.Answer.IsIsolated is null)
        {
            reasons.Add(new CheckReason(ReasonKinds.MsiIsolationUnknown, "MSI isolation is not known", $"Whether something checks who writes the MSIs of {who} is not known: {worst.Answer.Because}.", worst.Answer.Evidence, worst.Answer.Remedy, []));
            return;
        }

        if (_unsafeAllowed is { } allowed)
        {
            reasons.Add(new CheckReason(ReasonKinds.MsiUnsafeAllowed, "its MSIs are not isolated, yet allowed", $"Nothing checks who writes the MSIs of {who}: {worst.Answer.Because}. allow_unsafe_interrupts is set, so VFIO hands it over all the same.", [.. worst.Answer.Evidence, allowed], "Give it to owners you trust with every interrupt of the host only", []));
        }
        else if (_options.AllowUnsafeInterrupts)
        {
            reasons.Add(new CheckReason(ReasonKinds.MsiUnsafeAllowed, "its MSIs are not isolated, yet allowed", $"Nothing checks who writes the MSIs of {who}: {worst.Answer.Because}. With allow_unsafe_interrupts, as asked, VFIO hands it over all the same.", worst.Answer.Evidence, "Give it to owners you trust with every interrupt of the host only", []));
        }
        else
        {
            reasons.Add(new CheckReason(worst.Answer.Kind, "its MSIs are not isolated", $"Nothing checks who writes the MSIs of {who}: {worst.Answer.Because}. VFIO refuses it with EPERM.", worst.Answer.Evidence, worst.Answer.Remedy, []));
        }
    }

    // Every device of the group is asked, bridges too: one that can raise another's interrupt is enough (Linux, iommu_group_has_isolated_msi).
    private (HostFunction Who, IsolationAnswer Answer)? WorstOf(GroupState group)
    {
        if (group.Worst is not null)
        {
            return group.Worst;
        }

        foreach (PciAddress member in group.Members)
        {
            if (_topology.Find(member) is not { } function)
            {
                continue;
            }

            IsolationAnswer answer = IsolationOf(function, _paths.FindFirmwarePath(function, out _, out _));
            if (group.Worst is not { } worst || (worst.Answer.IsIsolated == true && answer.IsIsolated != true) || (worst.Answer.IsIsolated is null && answer.IsIsolated == false))
            {
                group.Worst = (function, answer);
            }

            if (answer.IsIsolated == false)
            {
                break;
            }
        }

        return group.Worst;
    }

    private void Notes(HostFunction function, int? msi, int? msiX, List<CheckReason> reasons)
    {
        if (function.Driver is { } driver && !GroupRules.IsHarmless(driver))
        {
            reasons.Add(new CheckReason(
                ReasonKinds.OwnDriver,
                $"it is bound to {driver}",
                $"{function.Address} is bound to {driver}; vfio-pci must take its place.",
                [new Evidence(function.Evidence.File + "/driver")],
                $"Make sure that the host does not need it, then: {GroupRules.Override(function.Address)}; or, without driverctl, the lines below",
                GroupRules.OverrideByHand(function.Address, isBound: true)));
        }
        else if (_facts.IsRunning && function is { DriverKnown: true, Driver: null })
        {
            reasons.Add(new CheckReason(ReasonKinds.OwnDriver, "it has no driver", $"{function.Address} has no driver; vfio-pci must take it.", [function.Evidence], $"{GroupRules.Override(function.Address)}; or, without driverctl, the lines below", GroupRules.OverrideByHand(function.Address, isBound: false)));
        }

        if (function.ResetMethods is { Count: 0 })
        {
            reasons.Add(new CheckReason(ReasonKinds.NoReset, "it cannot be reset", $"The kernel knows no way to reset {function.Address}: what one owner leaves in it the next finds.", [new Evidence(function.Evidence.File + "/reset_method")], "Power the host off and on between owners who must not meet", []));
        }

        if (msi == 0 && msiX == 0)
        {
            reasons.Add(new CheckReason(ReasonKinds.NoMsiCapability, "it has no MSIs, INTx only", $"{function.Address} has neither an MSI nor an MSI-X capability: its INTx line is its only interrupt.", [new Evidence(function.Evidence.File + "/config")], "", []));
        }
    }

    private HostSummary Summarise(List<FunctionCheck> functions, List<PciRangeCheck> ranges)
    {
        IFirmware? firmware = _facts.Firmware;
        List<string> iommus = [.. functions.Where(static check => check.Path.Iommu is not null).Select(static check => Describe.Named(check.Path.Iommu!, check.Path.IommuKind)).Distinct()];
        if (iommus.Count == 0)
        {
            iommus = [.. firmware is { Iommus.Count: > 0 } && _facts.Groups is not { Count: 0 } ? firmware.Iommus.Select(static unit => Describe.Named(unit.Name, Describe.Kind(unit))) : (_facts.Kernel.Iommus ?? []).Select(static name => Describe.Named(name, Describe.Kind(name)))];
        }

        bool isX86 = (_facts.Architecture ?? firmware?.Architecture) == MachineArchitecture.X86;
        List<string> controllers = isX86 ? ["local APICs"] : [.. functions.Where(static check => check.Path.Controller is not null).Select(static check => Describe.Named(check.Path.Controller!, check.Path.ControllerKind)).Distinct()];
        if (controllers.Count == 0 && firmware is not null)
        {
            controllers = [.. firmware.MsiControllers.Select(static controller => Describe.Named(controller.Name, Describe.Kind(controller)))];
        }

        bool?[] isolated = [.. functions.Select(static check => check.Path.IsIsolated).Concat(ranges.Select(static range => range.Path.IsIsolated)).Distinct()];
        bool areIommusKnown = iommus.Count > 0 || firmware is not null || _facts.Groups is not null || _facts.Kernel.Iommus is not null;
        return new HostSummary
        {
            Name = _facts.Name,
            Architecture = _facts.Architecture ?? firmware?.Architecture,
            KernelRelease = _facts.Kernel.Release,
            IsRunning = _facts.IsRunning,
            Iommus = areIommusKnown ? iommus : null,
            Controllers = controllers,
            IsIsolated = isolated.Length == 1 ? isolated[0] : null,
            Windows = [.. functions.SelectMany(static check => check.ReservedRegions ?? []).Where(static region => region.Type is ReservedRegionType.SoftwareMsi or ReservedRegionType.Msi && region.Size > 0).Distinct().OrderBy(static region => region.Base)],
        };
    }

    // Runs of buses whose functions meet the same; a function that stands alone in it (its own device number) is not looked for.
    private List<PciRangeCheck> Ranges(IFirmware firmware)
    {
        List<PciRangeCheck> ranges = [];
        foreach (FirmwarePciHost host in firmware.PciHosts)
        {
            FirmwarePath? before = null;
            for (int bus = host.FirstBus; bus <= host.LastBus && bus <= byte.MaxValue; bus++)
            {
                var address = new PciAddress((ushort)host.Segment, (byte)bus, 0, 0);
                FirmwarePath path = firmware.FindPath(address, address.RequesterId);
                if (before is not null && path.IsKnown == before.IsKnown && path.Iommu == before.Iommu && path.Controller == before.Controller)
                {
                    ranges[^1] = ranges[^1] with { LastBus = bus };
                    continue;
                }

                before = path;
                HostFunction any = new() { Address = address, Evidence = host.Evidence };
                IReadOnlyList<ReservedRegion>? regions = _reserved.Find(any, null, path);
                MsiPath described = _paths.Describe(null, path, null, null, _isolation.Of(any, path), regions, false);
                ranges.Add(new PciRangeCheck(host, bus, bus, described));
            }
        }

        return ranges;
    }
}
