using System.Globalization;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Linux.Views;

/// <summary>The files of one function's folder in sysfs, as Linux prints them (drivers/pci/pci-sysfs.c; what a real one read stands in the captures).</summary>
/// <remarks>
/// Not there: resourceN and rom, because a BAR is reached through VFIO alone, and a file that read as zeros would be worse than none; msi_irqs,
/// power and link, which only say what this computer's kernel does with a device.
/// </remarks>
internal static class DeviceAttributes
{
    // include/linux/dma-mapping.h: what a device has that no driver asked for more.
    private const int DefaultDmaMaskBits = 32;

    private const int SubsystemIdOfBridge = 0x0d; // the capability's id (PCI-to-PCI bridge architecture, 3.2.5.13)

    internal static void Add(SysView view, string folder, PassthroughDevice device)
    {
        PciFunction function = device.Function;
        PciConfigSpace config = function.Config;
        ushort vendor = config.Read16(PciHeader.VendorId), id = config.Read16(PciHeader.DeviceId);
        (ushort subVendor, ushort subId) = Subsystem(function);
        uint classCode = config.Read32(PciHeader.RevisionId) >> 8;
        string modalias = Text($"pci:v{vendor:X8}d{id:X8}sv{subVendor:X8}sd{subId:X8}bc{classCode >> 16:X2}sc{(classCode >> 8) & 0xff:X2}i{classCode & 0xff:X2}");
        string driver = device.Driver is { } name ? $"DRIVER={name}\n" : "";

        // A host's driver turns its device on when it binds; vfio-pci when user space opens it.
        bool isEnabled = device.Driver is not null and not PassthroughDevice.VfioDriver;

        void Show(string attribute, FormattableString value) => view.File($"{folder}/{attribute}", Text($"{Text(value)}\n"));
        void Settable(string attribute, FormattableString value) => view.Settable($"{folder}/{attribute}", Text($"{Text(value)}\n"));

        Show("vendor", $"0x{vendor:x4}");
        Show("device", $"0x{id:x4}");
        Show("subsystem_vendor", $"0x{subVendor:x4}");
        Show("subsystem_device", $"0x{subId:x4}");
        Show("class", $"0x{classCode:x6}");
        Show("revision", $"0x{config.Read8(PciHeader.RevisionId):x2}");
        Show("modalias", $"{modalias}");
        Show("irq", $"0");
        Show("power_state", $"D0");
        Show("ari_enabled", $"0");
        Show("dma_mask_bits", $"{DefaultDmaMaskBits}");
        Show("consistent_dma_mask_bits", $"{DefaultDmaMaskBits}");
        Show("local_cpus", $"{LocalCpus.Mask}");
        Show("local_cpulist", $"{LocalCpus.List}");
        Settable("enable", $"{(isEnabled ? 1 : 0)}");
        Settable("msi_bus", $"1");
        Settable("numa_node", $"-1");
        Settable("broken_parity_status", $"0");
        Settable("driver_override", $"(null)");
        view.Settable(
            $"{folder}/uevent",
            Text($"{driver}PCI_CLASS={classCode:X4}\nPCI_ID={vendor:X4}:{id:X4}\nPCI_SUBSYS_ID={subVendor:X4}:{subId:X4}\nPCI_SLOT_NAME={device.Name}\nMODALIAS={modalias}\n"));
        view.Trigger($"{folder}/remove").Trigger($"{folder}/rescan");
        if (ResetMethods(function) is { Length: > 0 } methods)
        {
            Settable("reset_method", $"{methods}");
            view.Trigger($"{folder}/reset");
        }

        if (function is PciBridge bridge)
        {
            Show("secondary_bus_number", $"{bridge.SecondaryBus}");
            Show("subordinate_bus_number", $"{bridge.SubordinateBus}");
        }

        if (function.Express is { } express)
        {
            PciLink link = PciLink.Of(function, express);
            Show("max_link_speed", $"{link.MaxSpeed}");
            Show("max_link_width", $"{link.MaxWidth}");
            Show("current_link_speed", $"{link.Speed}");
            Show("current_link_width", $"{link.Width}");
        }
    }

    /// <summary>An endpoint's are in its header, a bridge's in a capability, if it has one.</summary>
    private static (ushort Vendor, ushort Id) Subsystem(PciFunction function)
    {
        PciConfigSpace config = function.Config;
        if (!function.IsBridge)
        {
            return (config.Read16(PciHeader.SubsystemVendorId), config.Read16(PciHeader.SubsystemId));
        }

        int at = (config.Read16(PciHeader.Status) & (int)PciStatus.CapabilityList) != 0 ? config.Read8(PciHeader.CapabilitiesPointer) & 0xfc : 0;
        for (int left = (PciHeader.ConventionalSize - PciHeader.End) / 4; at >= PciHeader.End && left > 0; left--)
        {
            if (config.Read8(at) == SubsystemIdOfBridge)
            {
                return (config.Read16(at + 4), config.Read16(at + 6));
            }

            at = config.Read8(at + 1) & 0xfc;
        }

        return default;
    }

    /// <summary>
    /// pci_init_reset_methods(): by the function itself, on the way through D3hot, by its bus. Linux asks while it finds the functions of a
    /// bus one after the other, so the first is alone on it, whatever comes after it.
    /// </summary>
    private static string ResetMethods(PciFunction function)
    {
        bool isFirst = !function.IsBridge && function.Bus is { IsRoot: false } bus && bus.Functions[0] == function;
        (string Name, bool IsThere)[] methods =
        [
            ("flr", function.Express is { CanReset: true }), ("pm", function.PowerManagement is { ResetsOnReturn: true }), ("bus", isFirst),
        ];
        return string.Join(' ', methods.Where(static method => method.IsThere).Select(static method => method.Name));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
