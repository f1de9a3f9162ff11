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
    internal const string BusFolder = "/sys/bus/pci";

    private const string GroupFolder = "/sys/kernel/iommu_groups";
    private const string IommuFolder = "/sys/devices/virtual/iommu";
    private const string IommuClass = "/sys/class/iommu";

    // Linux prints the six BARs, the ROM and, with CONFIG_PCI_IOV, six more; bridges have four windows behind them.
    private const int EndpointResources = 13;
    private const int BridgeResources = 17;

    // include/linux/ioport.h
    private const ulong ResourceIo = 0x100;
    private const ulong ResourceMemory = 0x200;
    private const ulong ResourcePrefetch = 0x2000;
    private const ulong ResourceSizeAlign = 0x4_0000;
    private const ulong ResourceMemory64 = 0x10_0000;

    /// <param name="machine">What there is.</param>
    /// <param name="options">What its administrator decided: the VFIO modules' parameters.</param>
    internal static SysView Build(Machine machine, VfioOptions? options = null)
    {
        SysView view = new();
        view.Hide("/sys/devices/pci*").Hide(IommuClass).Hide("/dev/iommu").Hide("/dev/vfio");
        view.Directory(BusFolder).Directory($"{BusFolder}/devices").Directory($"{BusFolder}/drivers").Directory($"{BusFolder}/slots");
        view.Settable($"{BusFolder}/drivers_autoprobe", "1\n").Trigger($"{BusFolder}/drivers_probe").Trigger($"{BusFolder}/rescan");
        foreach (string driver in machine.Devices.Select(static device => device.Driver).OfType<string>().Append(PassthroughDevice.VfioDriver).Distinct())
        {
            string folder = $"{BusFolder}/drivers/{driver}";
            view.Directory(folder).Trigger($"{folder}/bind").Trigger($"{folder}/unbind").Trigger($"{folder}/new_id").Trigger($"{folder}/remove_id");
        }

        ModulesView.Add(view, options ?? new VfioOptions());

        view.Directory(IommuClass);
        foreach (Iommu.Iommu iommu in machine.Iommus)
        {
            view.Directory($"{IommuFolder}/{iommu.Name}").Directory($"{IommuFolder}/{iommu.Name}/devices");
            view.Symlink($"{IommuClass}/{iommu.Name}", $"../../devices/virtual/iommu/{iommu.Name}");
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

        if (machine.FindGroup(device) is { } group)
        {
            view.Symlink($"{folder}/iommu_group", Text($"{up}kernel/iommu_groups/{group.Id}"));
        }

        if (device.Iommu is { } iommu)
        {
            view.Symlink($"{folder}/iommu", $"{up}devices/virtual/iommu/{iommu.Name}");
            view.Symlink($"{IommuFolder}/{iommu.Name}/devices/{device.Name}", $"../../../../..{folder["/sys".Length..]}");
        }

        byte[] config = new byte[function.Config.Size];
        function.ReadConfig(0, config);
        view.LiveFile(ConfigPath(machine, device), config);
        DeviceAttributes.Add(view, folder, device);
        view.File($"{folder}/resource", Resources(function));
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
        foreach (ReservedRegion region in group.ReservedRegions)
        {
            string type = region.Type switch
            {
                ReservedRegionType.Direct => "direct",
                ReservedRegionType.Reserved => "reserved",
                ReservedRegionType.DirectRelaxable => "direct-relaxable",
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
            (ulong start, ulong end, ulong flags) = i >= EndpointResources ? Window(function.Config, i - EndpointResources) : default;
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

    /// <summary>What a bridge forwards (pci_read_bridge_bases): its I/O window, its memory window, its prefetchable one; the fourth is CardBus's.</summary>
    private static (ulong Start, ulong End, ulong Flags) Window(PciConfigSpace config, int index)
    {
        const uint Io32 = 1, Prefetchable64 = 1;
        ulong first, last, flags;
        switch (index)
        {
            case 0:
                uint io = config.Read16(PciHeader.IoBase);
                uint ioUpper = (io & 0xf) == Io32 ? config.Read32(PciHeader.IoBaseUpper) : 0;
                first = ((io & 0xf0) << 8) | ((ioUpper & 0xffff) << 16);
                last = (io & 0xf000) | 0xfff | (ioUpper & 0xffff_0000);
                flags = ResourceIo | (io & 0xf);
                break;
            case 1:
                uint memory = config.Read32(PciHeader.MemoryBase);
                (first, last, flags) = ((memory & 0xfff0) << 16, (memory & 0xfff0_0000) | 0xf_ffff, ResourceMemory);
                break;
            case 2:
                uint prefetchable = config.Read32(PciHeader.PrefetchableBase);
                bool isWide = (prefetchable & 0xf) == Prefetchable64;
                ulong baseUpper = isWide ? config.Read32(PciHeader.PrefetchableBaseUpper) : 0;
                ulong limitUpper = isWide ? config.Read32(PciHeader.PrefetchableBaseUpper + 4) : 0;
                first = (baseUpper << 32) | ((prefetchable & 0xfff0) << 16);
                last = (limitUpper << 32) | (prefetchable & 0xfff0_0000) | 0xf_ffff;
                flags = ResourceMemory | ResourcePrefetch | (isWide ? ResourceMemory64 | Prefetchable64 : 0);
                break;
            default:
                return default;
        }

        // A base above the limit: the bridge forwards nothing; so it is, for a bridge without the window, where all is zero.
        return first <= last && config.Read32(index == 0 ? PciHeader.IoBase : index == 1 ? PciHeader.MemoryBase : PciHeader.PrefetchableBase) != 0
            ? (first, last, flags)
            : default;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
