namespace Doorbell.Linux.Views;

/// <summary>
/// What a client would change by writing to sysfs belongs to the described machine, which is as it is for the whole run. The view is read-only,
/// so that nothing is written to a file that only looks like the kernel's (T1); this says what to do instead.
/// </summary>
internal static class SysfsWrites
{
    private const string ByDriver = "which driver a function has is part of the machine and stays; say it when the run begins (--driver BDF=NAME, vfio-pci otherwise)";

    /// <summary>Why an open for writing of this file of the view is refused; null for what is no such file.</summary>
    internal static string? Refuses(string path) => !path.StartsWith("/sys/", StringComparison.Ordinal) ? null : path[(path.LastIndexOf('/') + 1)..] switch
    {
        "bind" or "unbind" or "new_id" or "remove_id" or "driver_override" or "drivers_probe" or "drivers_autoprobe" => ByDriver,
        "remove" or "rescan" => "which functions there are is part of the machine and stays; name them when the run begins (--device BDF=MODEL)",
        "reset" or "reset_method" => "a function is reset by whoever has it open: VFIO_DEVICE_RESET",
        "config" => "configuration space is written through VFIO, by whoever has the function open (VFIO_PCI_CONFIG_REGION_INDEX)",
        "enable" => "a function is turned on by opening it through VFIO",
        "allow_unsafe_interrupts" => "the modules' parameters are the run's options; this one is --allow-unsafe-interrupts",
        _ => "it is part of the machine and stays as it is for the run",
    };
}
