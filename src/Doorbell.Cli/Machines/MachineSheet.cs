using Doorbell.Iommu;
using Doorbell.Machines;
using Spectre.Console;

namespace Doorbell.Cli.Machines;

/// <summary>What a machine has, for people.</summary>
internal static class MachineSheet
{
    public static void Print(IAnsiConsole console, MachineSurvey survey)
    {
        MachineDescription machine = survey.Machine.Description;
        console.MarkupLineInterpolated($"[bold]{machine.Name}[/]: {machine.Title}");
        console.WriteLine($"{Words.Counted(machine.Cpus, "CPU")}; RAM: {(machine.Memory.Count == 0 ? "not said" : string.Join(", ", machine.Memory.Select(range => $"{range.Base} + {Words.Size(range.Size)}")))}");

        var hosts = new TextTable("PCI host", "segment", "buses", "configuration space", "memory windows (at PCI address)");
        foreach (PciHostDescription host in machine.PciHosts)
        {
            hosts.Add(host.Name, $"{host.Segment:x4}", $"{host.FirstBus:x2}-{host.LastBus:x2}", $"{host.Ecam.Base} + {Words.Size(host.Ecam.Size)}", string.Join(", ", host.Windows.Select(Window)));
        }

        hosts.Print(console);
        if (machine.MsiControllers.Count > 0)
        {
            var controllers = new TextTable("MSI controller", "what it is", "doorbells");
            foreach (MsiControllerDescription controller in machine.MsiControllers)
            {
                controllers.Add(controller.Name, Words.KindOf(controller), Doorbells(controller));
            }

            controllers.Print(console);
        }

        if (machine.Iommus.Count > 0)
        {
            var iommus = new TextTable("IOMMU", "what it is", "registers", "IOVA bits", "window for doorbells");
            foreach (IommuDescription iommu in machine.Iommus)
            {
                iommus.Add(iommu.Name, Words.KindOf(iommu), $"{iommu.Registers.Base} + {Words.Size(iommu.Registers.Size)}", $"{iommu.InputBits}", WindowOf(iommu));
            }

            iommus.Print(console);
        }

        var slots = new TextTable("slot", "behind", "IOMMU: StreamID", "MSI controller: DeviceID", "isolated", "group with a device in each slot");
        foreach (SlotSurvey slot in survey.Slots)
        {
            slots.Add(
                slot.Device.Name,
                slot.Device.Function.Bus?.Self is { } port ? $"port {port.Name}" : $"root bus of {slot.Host.Name}",
                slot.Device.Iommu is { } iommu ? $"{iommu.Name}: {slot.Device.StreamId}" : "none",
                slot.Device.MsiDomain?.Parent is { } controller ? $"{controller.Name}: {slot.Device.DeviceId}" : "none",
                Words.YesOrNo(slot.IsIsolated),
                slot.Group is { } group ? $"{group.Id} ({string.Join(", ", group.Devices.Select(device => device.Name))})" : "none: VFIO does not offer it");
        }

        slots.Print(console);
        foreach (string note in machine.Notes)
        {
            console.WriteLine($"- {note}");
        }
    }

    private static string Window(PciWindowDescription window) =>
        $"{window.Range.Base} + {Words.Size(window.Range.Size)}{(window.BusAddress == window.Range.Base.Value ? "" : $" (0x{window.BusAddress:x})")}";

    // Where hardware takes MSIs out before translation there is no window (I1, I9), whatever the default is.
    private static string WindowOf(IommuDescription iommu) => iommu.ReservedRegions.FirstOrDefault(region => region.Type == ReservedRegionType.SoftwareMsi) is { Size: > 0 } window
        ? $"{window.Base} + {Words.Size(window.Size)}"
        : "none: MSIs are not translated";

    private static string Doorbells(MsiControllerDescription controller) => controller switch
    {
        GicV3ItsDescription { PreIts: { } window } => $"{window.Base} + 4 a DeviceID",
        GicV3ItsDescription its => $"{its.Doorbell}",
        GicV2mDescription v2m => string.Join(", ", v2m.MsiFrames.Select(frame => $"{frame.Doorbell} (SPIs {frame.SpiBase}-{frame.SpiLast})")),
        SocMsiDescription soc => $"{soc.Doorbell} ({soc.Vectors} MSIs)",
        _ => string.Join(", ", controller.Frames),
    };
}
