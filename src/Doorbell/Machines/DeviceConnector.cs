using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Iommu;
using Doorbell.Machines.Events;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Vfio;
using Doorbell.X86;

namespace Doorbell.Machines;

/// <summary>Tells every function what translates its DMA and what takes its MSIs, and numbers the groups. Requester IDs become StreamIDs and DeviceIDs once, here; afterwards nothing looks them up.</summary>
internal sealed class DeviceConnector(MachineDescription description, IReadOnlyDictionary<string, Iommu.Iommu> iommus, IReadOnlyDictionary<string, MsiDomain> msiDomains, EventStream events)
{
    private const uint HostBridgeClass = 0x0600;

    private readonly Dictionary<PciFunction, PassthroughDevice> _devices = [];
    private readonly Dictionary<(Iommu.Iommu Iommu, StreamId Stream), PciFunction> _streams = [];

    /// <summary>EINVAL with a sentence where the groups would not be apart (<see cref="Separation"/>).</summary>
    public Result Connect(Machine machine)
    {
        foreach (PciFunction function in machine.Topology.Functions)
        {
            _devices.Add(function, Connect(function, machine.Bus));
        }

        machine.Devices = [.. machine.Topology.Functions.Select(function => _devices[function])];
        IReadOnlyList<IReadOnlyList<PassthroughDevice>> groups =
            StreamSharing.Join([.. machine.Topology.GetIsolationGroups().Select(group => group.Select(function => _devices[function]).Where(static device => device.NoGroupReason is null).ToList())]);
        Result apart = Separation.Check(groups);
        if (!apart.IsOk)
        {
            return apart;
        }

        // A device that no IOMMU translates has no group (and so no /dev/vfio/N).
        int number = 0;
        machine.Groups = [.. groups.Where(static group => group.Count > 0 && group[0].Iommu is not null).Select(group => new PassthroughGroup(number++, group))];
        return Result.Ok;
    }

    private PassthroughDevice Connect(PciFunction function, PhysicalBus bus)
    {
        description.TryFindHost(function.Address, out PciHostDescription? host);
        RequesterId requester = PciTopology.GetRequesterId(function);
        Iommu.Iommu? iommu = null;
        StreamTableEntry? stream = null;
        string? noGroup = null;
        if (description.TryFindStream(host!, requester, out StreamTarget target))
        {
            iommu = iommus[target.Iommu.Name];
            stream = iommu.GetStream(target.Stream);
            noGroup = FindAlias(iommu, target.Stream, function);
        }

        MsiDomain? msiDomain = null;
        DeviceId deviceId = default;
        if (description.TryFindMsiController(host!, requester, out MsiTarget controller))
        {
            msiDomain = msiDomains[controller.Controller.Name];
            deviceId = controller.Device;
            VerifyBuses(msiDomain, deviceId, requester, function);
        }

        // A host that takes MSIs itself does so before the IOMMU: nothing to map (I1), and no IOVA there is the user's (I9).
        IReadOnlyList<ReservedRegion> reserved = iommu?.GetReservedRegions() ?? [];
        StreamTableEntry? msiStream = stream;
        if (controller.Controller is SocMsiDescription { IsInHost: true } own && stream is not null)
        {
            var taken = new ReservedRegion(new Iova(own.Page.Value), SocMsiDescription.PageSize, ReservedRegionType.Msi);
            stream.TakeOut(taken);
            reserved = [.. reserved, taken];
            msiStream = null;
        }

        if (noGroup is not null)
        {
            events.Emit(new DeviceWithoutGroup(function.Address, noGroup));
        }

        // The alias's DMA still arrives under the StreamID it shares: it goes where that stream goes.
        function.Upstream = new RequesterPort(function.Name, requester, deviceId, stream, bus, events);
        return new PassthroughDevice
        {
            Function = function,
            Iommu = noGroup is null ? iommu : null,
            StreamId = target.Stream,
            DeviceId = deviceId,
            MsiDomain = msiDomain,
            MsiDevice = new PciMsiDevice(function, deviceId, msiStream),
            ReservedRegions = noGroup is null ? reserved : [],
            IsBridge = function.IsBridge,
            Driver = DriverOf(function),
            NoGroupReason = noGroup,
        };
    }

    // What is behind a PCI Express to PCI bridge arrives as the bridge's secondary bus, function 0; VT-d can check the bus and no more.
    private static void VerifyBuses(MsiDomain domain, DeviceId device, RequesterId requester, PciFunction function)
    {
        if (domain.Parent is not VtdDomain remapping || requester == function.Address.RequesterId)
        {
            return;
        }

        byte first = (byte)(requester.Value >> 8);
        for (PciBridge? bridge = function.Bus?.Self; bridge is not null; bridge = bridge.Bus?.Self)
        {
            if (bridge.SecondaryBus == first && bridge.Express?.Type == PciExpressType.PcieToPciBridge)
            {
                remapping.VerifyBuses(device, first, function.Address.Bus);
            }
        }
    }

    // Linux's SMMUv3 driver keeps one owner a StreamID and refuses the second (arm_smmu_insert_master: "Aliasing StreamID … unsupported").
    private string? FindAlias(Iommu.Iommu iommu, StreamId stream, PciFunction function)
    {
        if (iommu.Model != IommuModel.SmmuV3 || _streams.TryAdd((iommu, stream), function))
        {
            return null;
        }

        return $"it is StreamID {stream} at IOMMU {iommu.Name}, which {_streams[(iommu, stream)].Name} is already: an SMMUv3 has one device a StreamID";
    }

    // A host bridge's own function has no driver.
    private static string? DriverOf(PciFunction function) => function.IsBridge
        ? "pcieport"
        : function.Config.Read16(PciHeader.ClassCode + 1) == HostBridgeClass ? null : PassthroughDevice.VfioDriver;
}
