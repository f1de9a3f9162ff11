using System.Globalization;
using Doorbell.Vfio;

namespace Doorbell.Linux.Views;

/// <summary>The VFIO modules in /sys/module: that they are loaded, and with which parameters (dpdk-devbind and administrators' scripts look there).</summary>
internal static class ModulesView
{
    private const string Modules = "/sys/module";

    internal static void Add(SysView view, VfioOptions options)
    {
        AddModule(view, "vfio", ("enable_unsafe_noiommu_mode", Flag(options.EnableUnsafeNoIommu)));
        AddModule(
            view,
            "vfio_iommu_type1",
            ("allow_unsafe_interrupts", Flag(options.AllowUnsafeInterrupts)),
            ("disable_hugepages", Flag(false)),
            ("dma_entry_limit", options.DmaEntryLimit.ToString(CultureInfo.InvariantCulture)));
        AddModule(view, "vfio_pci_core");
        AddModule(view, "vfio_pci", ("disable_idle_d3", Flag(false)), ("enable_sriov", Flag(false)), ("nointxmask", Flag(false)));
        view.Directory($"{Modules}/vfio_pci/drivers");
        view.Symlink($"{Modules}/vfio_pci/drivers/pci:{PassthroughDevice.VfioDriver}", $"../../../bus/pci/drivers/{PassthroughDevice.VfioDriver}");
        view.Symlink($"{MachineView.BusFolder}/drivers/{PassthroughDevice.VfioDriver}/module", "../../../../module/vfio_pci");
    }

    private static void AddModule(SysView view, string name, params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        string folder = $"{Modules}/{name}";
        view.Directory(folder).File($"{folder}/initstate", "live\n");
        if (!parameters.IsEmpty)
        {
            view.Directory($"{folder}/parameters");
        }

        foreach ((string parameter, string value) in parameters)
        {
            view.Settable($"{folder}/parameters/{parameter}", $"{value}\n");
        }
    }

    private static string Flag(bool isSet) => isSet ? "Y" : "N";
}
