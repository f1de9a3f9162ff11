using Doorbell.Iommu;
using Doorbell.Machines;
using Spectre.Console;

namespace Doorbell.Cli.Machines;

/// <summary>A scan for people: the boards that load, those that do not, and the totals.</summary>
internal static class ScanTable
{
    public static void Print(IAnsiConsole console, IReadOnlyList<ScannedTree> trees, ScanTotals totals)
    {
        if (totals.Loads > 0)
        {
            var table = new TextTable("file", "board", "hosts", "MSIs go to", "isolated", "translated by", "window");
            foreach (ScannedTree tree in trees)
            {
                if (tree.Survey is { } survey)
                {
                    table.Add(tree.File, tree.Model ?? "", $"{survey.Machine.Description.PciHosts.Count}", Controllers(survey), Words.YesOrNo(survey.IsIsolated), Iommus(survey), Windows(survey));
                }
            }

            table.Print(console);
        }

        if (totals.Refused > 0)
        {
            var table = new TextTable("file", "board", "refused because");
            foreach (ScannedTree tree in trees.Where(tree => tree.Reason is not null))
            {
                table.Add(tree.File, tree.Model ?? "", tree.Reason!);
            }

            table.Print(console);
        }

        if (totals.Trees == 0)
        {
            console.WriteLine("No file here or below ends in .dtb.");
            return;
        }

        console.WriteLine($"{Words.Counted(totals.Trees, "device tree")}: {totals.Loads} load, {totals.Refused} are refused.");
        console.WriteLine($"Refused: {totals.Lacking} have no PCI host (or no CPU), {totals.Disabled} have disabled ones only, {totals.Unmodelled} have something that is not modelled, {totals.Wrong} are wrong.");
        console.WriteLine($"Loading: MSIs are isolated on {totals.Isolated} and DMA is translated on {totals.Translated}. VFIO hands devices over on {totals.Safe}, on {totals.Unsafe} more only with --allow-unsafe-interrupts, and on {totals.Loads - totals.Translated} not at all.");
    }

    private static string Controllers(MachineSurvey survey) => Joined(survey, slot => slot.Device.MsiDomain?.Parent?.Name is { } name
        ? Words.KindOf(survey.Machine.Description.MsiControllers.First(controller => controller.Name == name))
        : "nothing");

    private static string Iommus(MachineSurvey survey) => Joined(survey, slot => slot.Device.Iommu is { } iommu
        ? Words.KindOf(survey.Machine.Description.Iommus.First(description => description.Name == iommu.Name))
        : "nothing");

    private static string Windows(MachineSurvey survey) => Joined(survey, slot => slot.Device.ReservedRegions.FirstOrDefault(region => region.Type == ReservedRegionType.SoftwareMsi) is { Size: > 0 } window
        ? $"{window.Base} + {Words.Size(window.Size)}"
        : "none");

    private static string Joined(MachineSurvey survey, Func<SlotSurvey, string> of) => string.Join("; ", survey.Slots.Select(of).Distinct());
}
