using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>
/// V4: whether the function's group could be handed over once the function itself is vfio-pci's. Its own driver is a matter of one command and only noted; a
/// neighbour's is the host's use of another device, which nobody gives up by the way, so it blocks.
/// </summary>
internal sealed class GroupRules(HostTopology topology)
{
    private const int MostNamed = 3;
    private const int MostOthers = 32;

    // Drivers that hand a device to user space, or do no DMA of their own (Linux, driver_managed_dma; vfio_driver_allowed before 5.18).
    private static readonly HashSet<string> s_harmless = new(StringComparer.Ordinal) { "pci-stub", "pcieport", "shpchp", "vfio-pci" };

    /// <summary>The group for the report.</summary>
    public GroupCheck Describe(HostFunction function, GroupState state)
    {
        HostGroup group = state.Group;
        int others = state.Members.Count - (state.Members.BinarySearch(function.Address) >= 0 ? 1 : 0);
        List<GroupMember> shown = [];
        foreach (PciAddress member in state.Members)
        {
            if (shown.Count == MostOthers)
            {
                break;
            }

            if (member != function.Address)
            {
                HostFunction? other = topology.Find(member);
                shown.Add(new GroupMember(member, other is not null && HostTopology.HasBusBelow(other), other?.Driver, topology.WhyTogether(function, member)));
            }
        }

        return new GroupCheck(group.Number, group.Type, shown, [.. group.OtherMembers.Take(MostOthers)], group.Evidence)
        {
            MoreOthers = others - shown.Count,
            MoreOtherDevices = Math.Max(group.OtherMembers.Count - MostOthers, 0),
        };
    }

    /// <summary>True of a driver under which VFIO hands the device's group over.</summary>
    public static bool IsHarmless(string driver) => s_harmless.Contains(driver) || driver.EndsWith("-vfio-pci", StringComparison.Ordinal) || driver.EndsWith("_vfio_pci", StringComparison.Ordinal);

    /// <summary>Adds what the neighbours say.</summary>
    /// <param name="function">The function.</param>
    /// <param name="state">Its group.</param>
    /// <param name="reasons">Where to.</param>
    public void Judge(HostFunction function, GroupState state, List<CheckReason> reasons)
    {
        HostGroup group = state.Group;
        (List<PciAddress> held, int heldCount) = Others(state.Held, function.Address);
        if (heldCount > 0)
        {
            string list = Join(held, heldCount, member => $"{member} ({topology.Find(member)!.Driver})");
            reasons.Add(new CheckReason(
                ReasonKinds.GroupNotViable,
                $"its group has {list} on the host",
                $"Group {group.Number} of {function.Address} is not viable: {list} {(heldCount == 1 ? "is" : "are")} the host's; {held[0]} is in it because: {topology.WhyTogether(function, held[0])}.",
                [.. held.Select(member => new Evidence(topology.Find(member)!.Evidence.File + "/driver"))],
                "Unbind the others too, or bind them to vfio-pci; the host can no longer use them then. A slot behind a port of its own with ACS keeps them apart",
                [.. held.Select(Override)]));
        }

        (List<PciAddress> unknown, int unknownCount) = Others(state.Unknown, function.Address);
        if (unknownCount > 0)
        {
            string list = Join(unknown, unknownCount, static member => member.ToString());
            reasons.Add(new CheckReason(
                ReasonKinds.NeighbourDriverUnknown,
                $"who drives {list} of its group is not known",
                $"Group {group.Number} of {function.Address} also holds {list}, and who drives {(unknownCount == 1 ? "it" : "them")} was not read.",
                [group.Evidence],
                "ls -l /sys/bus/pci/devices/*/driver",
                []));
        }

        (List<PciAddress> free, int freeCount) = Others(state.Free, function.Address);
        if (freeCount > 0)
        {
            string list = Join(free, freeCount, member => topology.Find(member)?.Driver is { } driver ? $"{member} ({driver})" : member.ToString());
            reasons.Add(new CheckReason(
                ReasonKinds.GroupHasOthers,
                $"{list} {(freeCount == 1 ? "goes" : "go")} with it",
                $"Group {group.Number} of {function.Address} also holds {list}: {topology.WhyTogether(function, free[0])}. They are handed over together.",
                [group.Evidence],
                "",
                []));
        }

        if (group.OtherMembers.Count > 0)
        {
            string list = Join([.. group.OtherMembers.Take(MostNamed)], group.OtherMembers.Count, static device => device);
            reasons.Add(new CheckReason(
                ReasonKinds.GroupHasPlatformDevice,
                $"its group has {list}, which is not PCI",
                $"Group {group.Number} of {function.Address} also holds {list}; what drives {(group.OtherMembers.Count == 1 ? "it" : "them")} was not read.",
                [group.Evidence],
                $"ls -l {group.Evidence.File}/devices/*/driver",
                []));
        }
    }

    /// <summary>The line that makes vfio-pci a device's driver, now and after the next boot.</summary>
    public static string Override(PciAddress address) => $"driverctl set-override {address} vfio-pci";

    /// <summary>The same with nothing but a shell, until the next boot.</summary>
    public static IReadOnlyList<string> OverrideByHand(PciAddress address, bool isBound) =>
    [
        "modprobe vfio-pci",
        $"echo vfio-pci > /sys/bus/pci/devices/{address}/driver_override",
        .. isBound ? (string[])[$"echo {address} > /sys/bus/pci/devices/{address}/driver/unbind"] : [],
        $"echo {address} > /sys/bus/pci/drivers_probe",
    ];

    // Those that are named, and how many there are.
    private static (List<PciAddress> Named, int Count) Others(List<PciAddress> members, PciAddress self) =>
        ([.. members.Where(member => member != self).Take(MostNamed)], members.Count - (members.BinarySearch(self) >= 0 ? 1 : 0));

    private static string Join<T>(List<T> named, int count, Func<T, string> say)
    {
        string list = string.Join(", ", named.Select(say));
        return count > named.Count ? $"{list} and {count - named.Count} more" : list;
    }
}
