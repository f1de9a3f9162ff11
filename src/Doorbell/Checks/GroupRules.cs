using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>
/// V4: whether the function's group could be handed over once the function itself is vfio-pci's. Its own driver is a matter of one command and only noted; a
/// neighbour's is the host's use of another device, which nobody gives up by the way, so it blocks.
/// </summary>
internal sealed class GroupRules(HostTopology topology)
{
    // Drivers that hand a device to user space, or do no DMA of their own (Linux, driver_managed_dma; vfio_driver_allowed before 5.18).
    private static readonly HashSet<string> s_harmless = new(StringComparer.Ordinal) { "pci-stub", "pcieport", "shpchp", "vfio-pci" };

    /// <summary>The group for the report.</summary>
    public GroupCheck Describe(HostFunction function, HostGroup group) => new(
        group.Number,
        group.Type,
        [
            .. group.Members.Where(member => member != function.Address).Order().Select(member =>
            {
                HostFunction? other = topology.Find(member);
                return new GroupMember(member, other is not null && HostTopology.HasBusBelow(other), other?.Driver, topology.WhyTogether(function, member));
            }),
        ],
        group.OtherMembers,
        group.Evidence);

    /// <summary>True of a driver under which VFIO hands the device's group over.</summary>
    public static bool IsHarmless(string driver) => s_harmless.Contains(driver) || driver.EndsWith("-vfio-pci", StringComparison.Ordinal) || driver.EndsWith("_vfio_pci", StringComparison.Ordinal);

    /// <summary>Adds what the neighbours say.</summary>
    /// <param name="function">The function.</param>
    /// <param name="group">Its group.</param>
    /// <param name="others">The group's other members.</param>
    /// <param name="asksDrivers">False of a source that has no drivers.</param>
    /// <param name="reasons">Where to.</param>
    public void Judge(HostFunction function, HostGroup group, GroupCheck others, bool asksDrivers, List<CheckReason> reasons)
    {
        List<GroupMember> held = [], unknown = [], free = [];
        foreach (GroupMember member in others.Others)
        {
            HostFunction? other = topology.Find(member.Address);
            if (member.IsBridge)
            {
                continue;
            }

            (other is not { DriverKnown: true } ? unknown : member.Driver is null || IsHarmless(member.Driver) ? free : held).Add(member);
        }

        if (!asksDrivers)
        {
            free.AddRange(unknown);
            unknown.Clear();
        }

        if (held.Count > 0)
        {
            string list = Join(held, static member => $"{member.Address} ({member.Driver})");
            reasons.Add(new CheckReason(
                ReasonKinds.GroupNotViable,
                $"its group has {list} on the host",
                $"Group {group.Number} of {function.Address} is not viable: {list} {(held.Count == 1 ? "is" : "are")} the host's; {held[0].Address} is in it because: {held[0].Why}.",
                [.. held.Select(member => new Evidence(topology.Find(member.Address)!.Evidence.File + "/driver"))],
                "Unbind the others too, or bind them to vfio-pci; the host can no longer use them then. A slot behind a port of its own with ACS keeps them apart",
                [.. held.Select(static member => Override(member.Address))]));
        }

        if (unknown.Count > 0)
        {
            reasons.Add(new CheckReason(
                ReasonKinds.NeighbourDriverUnknown,
                $"who drives {Join(unknown, static member => member.Address.ToString())} of its group is not known",
                $"Group {group.Number} of {function.Address} also holds {Join(unknown, static member => member.Address.ToString())}, and who drives {(unknown.Count == 1 ? "it" : "them")} was not read.",
                [group.Evidence],
                "ls -l /sys/bus/pci/devices/*/driver",
                []));
        }

        if (free.Count > 0)
        {
            string list = Join(free, static member => member.Driver is null ? member.Address.ToString() : $"{member.Address} ({member.Driver})");
            reasons.Add(new CheckReason(
                ReasonKinds.GroupHasOthers,
                $"{list} {(free.Count == 1 ? "goes" : "go")} with it",
                $"Group {group.Number} of {function.Address} also holds {list}: {free[0].Why}. They are handed over together.",
                [group.Evidence],
                "",
                []));
        }

        if (group.OtherMembers.Count > 0)
        {
            reasons.Add(new CheckReason(
                ReasonKinds.GroupHasPlatformDevice,
                $"its group has {string.Join(", ", group.OtherMembers)}, which is not PCI",
                $"Group {group.Number} of {function.Address} also holds {string.Join(", ", group.OtherMembers)}; what drives {(group.OtherMembers.Count == 1 ? "it" : "them")} was not read.",
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

    private static string Join(List<GroupMember> members, Func<GroupMember, string> say)
    {
        const int Most = 3;
        string list = string.Join(", ", members.Take(Most).Select(say));
        return members.Count > Most ? $"{list} and {members.Count - Most} more" : list;
    }
}
