using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>Why a function is in a group with others, as the topology has it.</summary>
internal static class GroupReasons
{
    /// <summary>In words.</summary>
    public static string Of(PassthroughGroup group, PassthroughDevice device)
    {
        PciFunction function = device.Function;
        if (group.Devices.Count == 1)
        {
            return "every port above it isolates (ACS), and so does it";
        }

        List<string> reasons = [];
        if (PciTopology.GetDmaAliases(function) is { Count: > 1 } aliases)
        {
            reasons.Add($"its writes carry RequesterID {aliases[^1]}, a bridge's");
        }

        if (function.IsMultifunction && !PciTopology.IsAcsEnabled(function))
        {
            reasons.Add("one of several functions of a device without ACS");
        }
        else if (device.IsBridge && !PciTopology.IsAcsEnabled(function))
        {
            reasons.Add("a bridge that sends peers' traffic across (no ACS)");
        }

        for (PciBridge? bridge = function.Bus?.Self; bridge is not null; bridge = bridge.Bus?.Self)
        {
            if (!PciTopology.IsAcsEnabled(bridge))
            {
                reasons.Add($"below {bridge.Name}, which does not isolate (no ACS)");
                break;
            }
        }

        return reasons.Count == 0 ? "reached by the others" : string.Join("; ", reasons);
    }
}
