using Doorbell.Fabric;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Vfio;

namespace Doorbell.Linux.Reporting;

/// <summary>Which device a RequesterID or a StreamID is, for sentences. Behind a bridge to conventional PCI several have one: then all of them are named.</summary>
internal sealed class MachineNames
{
    private readonly Dictionary<RequesterId, string> _requesters = [];
    private readonly Dictionary<(string Iommu, StreamId Stream), string> _streams = [];
    private readonly Dictionary<string, IommuModel> _models = new(StringComparer.Ordinal);

    private MachineNames()
    {
    }

    internal MachineNames(Machine machine)
    {
        foreach (PassthroughDevice device in machine.Devices.Where(device => !device.IsBridge))
        {
            if (device.Function.Upstream is RequesterPort port)
            {
                Add(_requesters, port.RequesterId, device.Name);
            }

            if (device.Iommu is { } iommu)
            {
                Add(_streams, (iommu.Name, device.StreamId), device.Name);
            }
        }

        foreach (Iommu.Iommu iommu in machine.Iommus)
        {
            _models[iommu.Name] = iommu.Model;
        }
    }

    /// <summary>While there is no machine.</summary>
    internal static MachineNames None { get; } = new();

    /// <summary>The device that puts this on the bus; the RequesterID itself where none does.</summary>
    internal string Of(RequesterId requester) => _requesters.GetValueOrDefault(requester) ?? $"requester {requester}";

    /// <summary>The device behind a stream; null where none is.</summary>
    internal string? Of(string iommu, StreamId stream) => _streams.GetValueOrDefault((iommu, stream));

    /// <summary>What kind of IOMMU that is.</summary>
    internal IommuModel? ModelOf(string iommu) => _models.GetValueOrDefault(iommu);

    private static void Add<T>(Dictionary<T, string> names, T key, string name)
        where T : notnull =>
        names[key] = names.TryGetValue(key, out string? other) ? $"{other} or {name}" : name;
}
