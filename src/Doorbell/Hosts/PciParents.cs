using Doorbell.Pci;

namespace Doorbell.Hosts;

/// <summary>Which bridge a function is behind.</summary>
internal static class PciParents
{
    /// <summary>By where sysfs has the function: <c>…/pci0000:00/0000:00:05.0/0000:01:00.0</c>. Null on a root bus, or where there is no link.</summary>
    public static PciAddress? FromLink(string? link) =>
        link?.Split('/') is [.., { } above, { Length: > 0 }] && PciAddress.TryParse(above, out PciAddress parent) ? parent : null;

    /// <summary>By bus numbers where no link said it (a virtual function's bus may have no bridge of its own; then it stays as it is).</summary>
    public static IReadOnlyList<HostFunction> Fill(List<HostFunction> functions)
    {
        var bridges = new Dictionary<int, PciAddress>();
        foreach (HostFunction function in functions)
        {
            if (function.Config.Length >= PciHeader.End && (function.Config.Span[PciHeader.HeaderType] & 0x7f) == PciHeader.TypeBridge && function.Config.Span[PciHeader.SecondaryBus] != 0)
            {
                bridges.TryAdd(function.Address.Segment << 8 | function.Config.Span[PciHeader.SecondaryBus], function.Address);
            }
        }

        for (int i = 0; i < functions.Count; i++)
        {
            HostFunction function = functions[i];
            if (function.Parent is null && bridges.TryGetValue(function.Address.Segment << 8 | function.Address.Bus, out PciAddress parent) && parent != function.Address)
            {
                functions[i] = function with { Parent = parent };
            }
        }

        return functions;
    }
}
