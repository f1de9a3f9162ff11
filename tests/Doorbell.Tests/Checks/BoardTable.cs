using System.Globalization;
using System.Text;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Tests.Machines.DeviceTree;

namespace Doorbell.Tests.Checks;

/// <summary>The tables of docs/boards.md: Debian's arm64 boards, by family.</summary>
internal static class BoardTable
{
    public const string Begin = "<!-- made by BoardTableTests: begin -->";
    public const string End = "<!-- made by BoardTableTests: end -->";

    /// <summary>Both tables.</summary>
    public static string Build()
    {
        List<Board> boards = [.. Corpus.Read().Select(static tree => Read(tree.File, tree.Blob))];
        StringBuilder text = new();
        text.AppendLine("| family | boards | with PCI in use | MSIs isolated | DMA translated | handed over | only with unsafe interrupts |").AppendLine("|---|---|---|---|---|---|---|");
        foreach (IGrouping<string, Board> family in boards.GroupBy(static board => board.Family).OrderBy(static family => family.Key, StringComparer.Ordinal))
        {
            Row(text, family.Key, [.. family]);
        }

        Row(text, "**all**", boards);
        text.AppendLine().AppendLine("| family | boards | handed over | why | SoCs |").AppendLine("|---|---|---|---|---|");
        foreach (IGrouping<(string Family, string Verdict, string Why), Board> rows in boards
            .GroupBy(static board => (board.Family, board.Verdict, board.Why))
            .OrderBy(static rows => rows.Key.Family, StringComparer.Ordinal)
            .ThenByDescending(static rows => rows.Key.Verdict, StringComparer.Ordinal)
            .ThenBy(static rows => rows.Key.Why, StringComparer.Ordinal))
        {
            string socs = string.Join(", ", rows
                .GroupBy(static board => board.Soc)
                .OrderBy(static soc => soc.Key, StringComparer.Ordinal)
                .Select(static soc => soc.Count() == 1 ? soc.Key : string.Create(CultureInfo.InvariantCulture, $"{soc.Key} ({soc.Count()})")));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {rows.Key.Family} | {rows.Count()} | {rows.Key.Verdict} | {rows.Key.Why} | {socs} |");
        }

        return text.ToString();
    }

    private static void Row(StringBuilder text, string name, IReadOnlyCollection<Board> boards) => text.AppendLine(
        CultureInfo.InvariantCulture,
        $"| {name} | {boards.Count} | {boards.Count(static board => board.Survey is not null)} | {boards.Count(static board => board.Survey is { IsIsolated: true })} | {boards.Count(static board => board.Survey is { IsTranslated: true })} | {boards.Count(static board => board.Verdict == "yes")} | {boards.Count(static board => board.Verdict == "unsafe only")} |");

    private static Board Read(string file, byte[] blob)
    {
        string family = file.Split('/')[0], soc = SocOf(blob);
        Result<MachineDescription> machine = DeviceTreeMachine.Read(file, blob);
        if (!machine.IsOk)
        {
            string reason = machine.Errno switch
            {
                Errno.ENODEV => "no PCI host",
                Errno.ENXIO => "its PCI hosts are disabled in the tree",
                _ => machine.Reason,
            };
            return new Board(family, soc, null, "no", reason);
        }

        MachineSurvey survey = MachineSurvey.Of(machine.Value).Value;
        string verdict = (survey.IsTranslated, survey.IsIsolated) switch
        {
            (true, true) => "yes",
            (true, false) => "unsafe only",
            _ => "no",
        };
        return new Board(family, soc, survey, verdict, string.Join("; ", survey.Slots.Select(slot => WhyOf(survey.Machine.Description, slot)).Distinct()));
    }

    private static string WhyOf(MachineDescription machine, SlotSurvey slot)
    {
        string dma = slot.Device.Iommu is { } iommu ? $"translated by {machine.Iommus.First(unit => unit.Name == iommu.Name) switch { { Product: { } product } => product, var unit => unit.GetEngineModel().Name }}" : "not translated: no IOMMU before the PCI host";
        return $"{MsisOf(machine, slot)}; {dma}";
    }

    private static string MsisOf(MachineDescription machine, SlotSurvey slot) =>
        slot.Device.MsiDomain?.Parent?.Name is not { } name ? "no MSIs: nothing in the tree takes them" : machine.MsiControllers.First(controller => controller.Name == name) switch
        {
            GicV3ItsDescription { PreIts: not null } => "not isolated: a pre-ITS believes the address",
            GicV3ItsDescription => "isolated by an ITS",
            GicV2mDescription { IsMessageBasedSpi: true } => "not isolated: GICv3 message-based SPIs",
            GicV2mDescription => "not isolated: GICv2m",
            SocMsiDescription { IsInHost: true } soc => $"not isolated: the host's own controller ({soc.Product})",
            SocMsiDescription soc => $"not isolated: {soc.Product}",
            var controller => controller.Name,
        };

    // The last name of the root's compatible is the SoC's.
    private static string SocOf(byte[] blob) =>
        FdtParser.Parse(blob) is { IsOk: true } root && root.Value.Find("compatible")?.TryGetStrings(out IReadOnlyList<string> names) == true ? names[^1] : "?";

    private sealed record Board(string Family, string Soc, MachineSurvey? Survey, string Verdict, string Why);
}
