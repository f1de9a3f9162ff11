using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>What is true of a group whichever of its functions is asked for; made once, because a group can have very many.</summary>
internal sealed class GroupState
{
    /// <param name="group">The group.</param>
    /// <param name="topology">The host's functions.</param>
    /// <param name="asksDrivers">False of a source that has no drivers.</param>
    public GroupState(HostGroup group, HostTopology topology, bool asksDrivers)
    {
        Group = group;
        Members = [.. group.Members.Distinct().Order()];
        foreach (PciAddress member in Members)
        {
            HostFunction? function = topology.Find(member);
            if (function is not null && HostTopology.HasBusBelow(function))
            {
                continue;
            }

            bool isFree = !asksDrivers || (function is { DriverKnown: true } && (function.Driver is null || GroupRules.IsHarmless(function.Driver)));
            (isFree ? Free : function is not { DriverKnown: true } ? Unknown : Held).Add(member);
        }
    }

    /// <summary>The group.</summary>
    public HostGroup Group { get; }

    /// <summary>Its PCI functions, each once, in the order of their addresses.</summary>
    public List<PciAddress> Members { get; }

    /// <summary>Those whose driver is the host's (V4); bridges are in none of the three.</summary>
    public List<PciAddress> Held { get; } = [];

    /// <summary>Those of which nobody knows.</summary>
    public List<PciAddress> Unknown { get; } = [];

    /// <summary>Those that keep nothing back.</summary>
    public List<PciAddress> Free { get; } = [];

    /// <summary>Who of it is isolated least; null until it was asked for.</summary>
    public (HostFunction Who, IsolationAnswer Answer)? Worst { get; set; }
}
