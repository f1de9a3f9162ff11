using System.Globalization;
using System.Text;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Linux.Views;

/// <summary>A machine's devices as sysfs and /dev show them on a host whose devices are bound to vfio-pci (T10).</summary>
internal static class MachineView
{
    internal const string ContainerNode = "/dev/vfio/vfio";
    internal const string GroupNodes = "/dev/vfio/";

    private const string BusFolder = "/sys/bus/pci";
    private const string GroupFolder = "/sys/kernel/iommu_groups";

    // Linux prints the six BARs, the ROM and, with CONFIG_PCI_IOV, six more; bridges have four windows behind them.
    private const int EndpointResources = 13;
    private const int BridgeResources = 17;

    // include/linux/ioport.h
    private const ulong ResourceIo = 0x100;
    private const ulong ResourceMemory = 0x200;
    private const ulong ResourcePrefetch = 0x2000;
    private const ulong ResourceSizeAlign = 0x4_0000;
    private const ulong ResourceMemory64 = 0x10_0000;

    internal static SysView Build(Machine machine)
    {
        SysView view = new();
        view.Hide("/sys/devices/pci*").Hide("/sys/class/iommu").Hide("/dev/iommu").Hide("/dev/vfio");
        view.Directory(BusFolder).Directory($"{BusFolder}/devices").Directory($"{BusFolder}/drivers");
        foreach (string driver in machine.Devices.Select(static device => device.Driver).OfType<string>().Append(PassthroughDevice.VfioDriver).Distinct())
        {
            view.Directory($"{BusFolder}/drivers/{driver}");
        }

        foreach (PciHostBridge host in machine.Topology.Hosts)
        {
            view.Directory(FolderOf(host));
        }

        foreach (PassthroughDevice device in machine.Devices)
        {
            AddDevice(view, machine, device);
        }

        view.Directory(GroupFolder);
        foreach (PassthroughGroup group in machine.Groups)
        {
            AddGroup(view, machine, group);
        }

        view.Directory("/dev/vfio").Node(ContainerNode);
        foreach (PassthroughGroup group in machine.Groups)
        {
            if (group.HasVfioDevice)
            {
                view.Node(Text($"{GroupNodes}{group.Id}"));
            }
        }

        return view;
    }

    /// <summary>Where a function's configuration space is.</summary>
    internal static string ConfigPath(Machine machine, PassthroughDevice device) => $"{FolderOf(machine, device.Function)}/config";

    private static void AddDevice(SysView view, Machine machine, PassthroughDevice device)
    {
        PciFunction function = device.Function;
        string folder = FolderOf(machine, function);
        string up = string.Concat(Enumerable.Repeat("../", folder.Count(static c => c == '/') - 1));
        view.Directory(folder);
        view.Symlink($"{BusFolder}/devices/{device.Name}", $"../../../{folder["/sys/".Length..]}");
        view.Symlink($"{folder}/subsystem", $"{up}bus/pci");
        if (device.Driver is { } driver)
        {
            view.Symlink($"{folder}/driver", $"{up}bus/pci/drivers/{driver}");
            view.Symlink($"{BusFolder}/drivers/{driver}/{device.Name}", $"../../../../{folder["/sys/".Length..]}");
        }

        if (device.Iommu is not null)
        {
            view.Symlink($"{folder}/iommu_group", Text($"{up}kernel/iommu_groups/{machine.GroupOf(device).Id}"));
        }

        byte[] config = new byte[function.Config.Size];
        function.ReadConfig(0, config);
        view.LiveFile(ConfigPath(machine, device), config);
        AddAttributes(view, folder, device);
        view.File($"{folder}/resource", Resources(function));
    }

    private static void AddAttributes(SysView view, string folder, PassthroughDevice device)
    {
        PciConfigSpace config = device.Function.Config;
        ushort vendor = config.Read16(PciHeader.VendorId), id = config.Read16(PciHeader.DeviceId);
        bool isBridge = device.IsBridge;
        ushort subVendor = isBridge ? (ushort)0 : config.Read16(PciHeader.SubsystemVendorId);
        ushort subId = isBridge ? (ushort)0 : config.Read16(PciHeader.SubsystemId);
        byte revision = config.Read8(PciHeader.RevisionId);
        uint classCode = config.Read32(PciHeader.RevisionId) >> 8;
        string modalias = Text($"pci:v{vendor:X8}d{id:X8}sv{subVendor:X8}sd{subId:X8}bc{classCode >> 16:X2}sc{(classCode >> 8) & 0xff:X2}i{classCode & 0xff:X2}");
        view.File($"{folder}/vendor", Text($"0x{vendor:x4}\n"));
        view.File($"{folder}/device", Text($"0x{id:x4}\n"));
        view.File($"{folder}/subsystem_vendor", Text($"0x{subVendor:x4}\n"));
        view.File($"{folder}/subsystem_device", Text($"0x{subId:x4}\n"));
        view.File($"{folder}/class", Text($"0x{classCode:x6}\n"));
        view.File($"{folder}/revision", Text($"0x{revision:x2}\n"));
        view.File($"{folder}/irq", "0\n");
        view.File($"{folder}/enable", isBridge ? "1\n" : "0\n");
        view.File($"{folder}/msi_bus", "1\n");
        view.File($"{folder}/numa_node", "-1\n");
        view.File($"{folder}/power_state", "D0\n");
        view.File($"{folder}/driver_override", "(null)\n");
        view.File($"{folder}/modalias", $"{modalias}\n");
        string driver = device.Driver is { } name ? $"DRIVER={name}\n" : "";
        view.File(
            $"{folder}/uevent",
            Text($"{driver}PCI_CLASS={classCode:X}\nPCI_ID={vendor:X4}:{id:X4}\nPCI_SUBSYS_ID={subVendor:X4}:{subId:X4}\nPCI_SLOT_NAME={device.Name}\nMODALIAS={modalias}\n"));
    }

    private static void AddGroup(SysView view, Machine machine, PassthroughGroup group)
    {
        string folder = Text($"{GroupFolder}/{group.Id}");
        view.Directory(folder).Directory($"{folder}/devices");
        foreach (PassthroughDevice device in group.Devices)
        {
            view.Symlink($"{folder}/devices/{device.Name}", $"../../../../{FolderOf(machine, device.Function)["/sys/".Length..]}");
        }

        StringBuilder regions = new();
        foreach (ReservedRegion region in group.Devices.SelectMany(static device => device.ReservedRegions).Distinct().OrderBy(static region => region.Base))
        {
            string type = region.Type switch
            {
                ReservedRegionType.Direct => "direct",
                ReservedRegionType.Reserved => "reserved",
                _ => "msi",
            };
            regions.Append(CultureInfo.InvariantCulture, $"0x{region.Base.Value:x16} 0x{region.Last.Value:x16} {type}\n");
        }

        view.File($"{folder}/reserved_regions", regions.ToString());
        view.File($"{folder}/type", "DMA\n");
        view.File($"{folder}/name", "");
    }

    private static string FolderOf(Machine machine, PciFunction function)
    {
        if (function.Bus?.Self is { } bridge)
        {
            return $"{FolderOf(machine, bridge)}/{function.Name}";
        }

        PciHostBridge host = machine.Topology.Hosts.First(candidate =>
            candidate.Segment == function.Address.Segment && candidate.FirstBus <= function.Address.Bus && function.Address.Bus <= candidate.LastBus);
        return $"{FolderOf(host)}/{function.Name}";
    }

    private static string FolderOf(PciHostBridge host) => Text($"/sys/devices/pci{host.Segment:x4}:{host.FirstBus:x2}");

    private static string Resources(PciFunction function)
    {
        StringBuilder text = new();
        int lines = function.IsBridge ? BridgeResources : EndpointResources;
        for (int i = 0; i < lines; i++)
        {
            ulong start = 0, end = 0, flags = 0;
            if (i < function.Bars.Count && function.Bars[i] is { } bar)
            {
                start = bar.Address;
                end = start + (bar.Size - 1);
                flags = ResourceSizeAlign | (bar.IsMemory ? ResourceMemory : ResourceIo) | (bar.Prefetchable ? ResourcePrefetch : 0)
                    | (bar.Kind == PciBarKind.Memory64 ? ResourceMemory64 : 0) | (function.Config.Read32(PciHeader.Bar0 + (4 * i)) & (bar.IsMemory ? 0xfu : 3u));
            }

            text.Append(CultureInfo.InvariantCulture, $"0x{start:x16} 0x{end:x16} 0x{flags:x16}\n");
        }

        return text.ToString();
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
