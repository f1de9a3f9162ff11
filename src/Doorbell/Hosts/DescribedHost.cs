using Doorbell.Machines;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Hosts;

/// <summary>A described machine as a host, judged by the engine that would run it: built with a device in every slot, its functions, groups and reserved regions are those VFIO would meet.</summary>
internal static class DescribedHost
{
    public static Result<HostFacts> From(MachineDescription description, string file)
    {
        Result<MachineSurvey> survey = MachineSurvey.Of(description);
        if (!survey.IsOk)
        {
            return survey.WithoutValue;
        }

        Machine machine = survey.Value.Machine;
        Dictionary<PciAddress, int> groups = [];
        foreach (PassthroughGroup group in machine.Groups)
        {
            foreach (PassthroughDevice device in group.Devices)
            {
                groups.Add(device.Address, group.Id);
            }
        }

        HashSet<PciAddress> slots = [.. description.Slots.Select(static slot => slot.Address)];
        return new HostFacts
        {
            Name = description.Name,
            Architecture = description.Architecture,
            IsRunning = false,
            Functions = [.. machine.Devices.Select(device => Describe(device, file, slots.Contains(device.Address), groups)).OrderBy(static function => function.Address)],
            Groups = [.. machine.Groups.Select(group => new HostGroup(group.Id, null, [.. group.Devices.Select(static device => device.Address)], [], group.ReservedRegions, new Evidence(file)))],
            Kernel = new HostKernel { PageSize = description.PageSize },
            Firmware = new DescribedFirmware(description, file, isDeviceTree: file.EndsWith(".dtb", StringComparison.Ordinal)),
        };
    }

    private static HostFunction Describe(PassthroughDevice device, string file, bool isSlot, Dictionary<PciAddress, int> groups) => new()
    {
        Address = device.Address,
        Evidence = new Evidence(file, device.Name),

        // What the engine put into a slot stands for any device: nothing of its own is told.
        VendorId = isSlot ? (ushort)0 : device.Function.Config.Read16(PciHeader.VendorId),
        DeviceId = isSlot ? (ushort)0 : device.Function.Config.Read16(PciHeader.DeviceId),
        ClassCode = isSlot ? 0 : device.Function.Config.Read32(PciHeader.RevisionId) >> 8,
        Config = isSlot ? default : ReadConfig(device.Function),
        DriverKnown = false,
        Group = groups.TryGetValue(device.Address, out int group) ? group : null,
        NoGroupReason = device.NoGroupReason,
        Iommu = device.Iommu?.Name,
        Parent = device.Function.Bus?.Self?.Address,
    };

    private static byte[] ReadConfig(PciFunction function)
    {
        byte[] config = new byte[function.Config.Size];
        function.Config.Read(0, config);
        return config;
    }
}
