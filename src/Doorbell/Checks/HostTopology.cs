using Doorbell.Hosts;
using Doorbell.Pci;

namespace Doorbell.Checks;

/// <summary>What the functions' configuration spaces say of the way up, as far as they could be read.</summary>
internal sealed class HostTopology
{
    // No more buses than a segment has; ends a parent chain that goes in a circle.
    private const int MostBridges = 256;

    private readonly Dictionary<PciAddress, HostFunction> _functions = [];
    private readonly Dictionary<PciAddress, HostCapabilities> _capabilities = [];

    public HostTopology(IReadOnlyList<HostFunction> functions)
    {
        foreach (HostFunction function in functions)
        {
            _functions[function.Address] = function;
        }
    }

    public HostFunction? Find(PciAddress address) => _functions.GetValueOrDefault(address);

    /// <summary>What its configuration space says, read once.</summary>
    public HostCapabilities CapabilitiesOf(HostFunction function)
    {
        if (!_capabilities.TryGetValue(function.Address, out HostCapabilities? capabilities))
        {
            _capabilities.Add(function.Address, capabilities = HostCapabilities.Read(function));
        }

        return capabilities;
    }

    /// <summary>The bridges above, nearest first.</summary>
    public IEnumerable<HostFunction> Above(HostFunction function)
    {
        HostFunction? at = function;
        for (int i = 0; i < MostBridges && at.Parent is { } parent && (at = Find(parent)) is not null && at.Address != function.Address; i++)
        {
            yield return at;
        }
    }

    /// <summary>A header of type 1. Host bridges and ISA bridges are of class 06 and have none.</summary>
    public static bool HasBusBelow(HostFunction function) => function.Config.Length > PciHeader.HeaderType
        ? (function.Config.Span[PciHeader.HeaderType] & 0x7f) == PciHeader.TypeBridge
        : function.ClassCode >> 8 is 0x0604 or 0x0609;

    /// <summary>The requester ID it arrives with (Linux, pci_for_each_dma_alias): null where a bridge above could not be read that far.</summary>
    /// <param name="function">The function.</param>
    /// <param name="alias">The bridge whose ID it is; null where its own.</param>
    /// <param name="candidates">What it can be where it is not known: its own, and each bridge's.</param>
    public RequesterId? FindRequester(HostFunction function, out PciAddress? alias, out IReadOnlyList<RequesterId> candidates)
    {
        List<RequesterId> all = [function.Address.RequesterId];
        RequesterId requester = function.Address.RequesterId;
        alias = null;
        bool isKnown = true;
        foreach (HostFunction bridge in Above(function))
        {
            ReadOnlySpan<byte> config = bridge.Config.Span;
            RequesterId? below = config.Length > PciHeader.SecondaryBus ? new RequesterId((ushort)(config[PciHeader.SecondaryBus] << 8)) : null;
            switch (TypeOf(bridge, out bool isTypeKnown))
            {
                case PciExpressType.PcieToPciBridge:
                    isKnown &= below is not null;
                    requester = below ?? requester;
                    alias = bridge.Address;
                    break;
                case null when !isTypeKnown:
                    isKnown = false;
                    break;
                case null or PciExpressType.PciToPcieBridge:
                    requester = bridge.Address.RequesterId;
                    alias = bridge.Address;
                    break;
                default:
                    continue;
            }

            all.Add(bridge.Address.RequesterId);
            if (below is { } secondary)
            {
                all.Add(secondary);
            }
        }

        candidates = isKnown ? [requester] : all;
        return isKnown ? requester : null;
    }

    /// <summary>Why two functions of a group cannot be kept apart: a clause.</summary>
    public string WhyTogether(HostFunction function, PciAddress otherAddress)
    {
        if (Find(otherAddress) is not { } other)
        {
            return "it is not listed among the functions";
        }

        if (Above(function).Any(bridge => bridge.Address == otherAddress))
        {
            return WhyOpen(other, "the bridge above it");
        }

        if (Above(other).Any(bridge => bridge.Address == function.Address))
        {
            return WhyOpen(function, "it is below this function");
        }

        if (other.Address.Segment == function.Address.Segment && other.Address.Bus == function.Address.Bus && other.Address.Device == function.Address.Device)
        {
            return Acs(other) is null || Acs(function) is null
                ? "another function of the same device; whether it has ACS cannot be seen in what was read of its configuration space"
                : "another function of the same device, which has no ACS to keep its functions apart";
        }

        foreach (HostFunction bridge in Above(function))
        {
            bool isShared = Above(other).Any(candidate => candidate.Address == bridge.Address);
            if (isShared || (TypeOf(bridge, out bool isKnown) is null && isKnown))
            {
                return WhyOpen(bridge, isShared ? $"both are below {bridge.Address}" : $"{bridge.Address} is above this one");
            }
        }

        foreach (HostFunction port in Above(function).Concat(Above(other)))
        {
            if (Acs(port) != true)
            {
                return WhyOpen(port, $"{port.Address} is between them");
            }
        }

        return "the kernel put them together; nothing in their configuration spaces says why";
    }

    private string WhyOpen(HostFunction bridge, string where) => TypeOf(bridge, out bool isKnown) switch
    {
        PciExpressType.PcieToPciBridge or PciExpressType.PciToPcieBridge => $"{where}, a bridge to conventional PCI, behind which requesters look alike",
        null when isKnown => $"{where}, a conventional PCI bridge, behind which requesters look alike",
        null => $"{where}; what kind of bridge it is cannot be seen in what was read of its configuration space",
        _ => Acs(bridge) switch
        {
            false => $"{where}, a port without ACS: what is behind it can reach each other past the IOMMU",
            null => $"{where}; whether it has ACS cannot be seen in what was read of its configuration space",
            true => where,
        },
    };

    // Null and known: conventional.
    private PciExpressType? TypeOf(HostFunction function, out bool isKnown)
    {
        HostCapabilities capabilities = CapabilitiesOf(function);
        isKnown = capabilities.IsKnown || capabilities.ExpressType is not null;
        return capabilities.ExpressType;
    }

    // Services the function has and does not use keep nothing apart (Linux, pci_acs_flags_enabled). Null: could not be read.
    private bool? Acs(HostFunction function)
    {
        HostCapabilities capabilities = CapabilitiesOf(function);
        return capabilities.Acs is { } acs ? (AcsServices.Isolation & acs.Capable & ~acs.Enabled) == 0
            : capabilities.IsComplete ? false
            : null;
    }
}
