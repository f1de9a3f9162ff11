using Doorbell.Machines;

namespace Doorbell.Cli.Machines;

/// <summary>What a machine's parts are called where they are listed.</summary>
internal static class Words
{
    public static string KindOf(MsiControllerDescription controller) => controller switch
    {
        GicV3ItsDescription { PreIts: not null } => "GICv3 ITS behind a pre-ITS",
        GicV3ItsDescription => "GICv3 ITS",
        GicV2mDescription { IsMessageBasedSpi: true } => "GICv3 message-based SPIs",
        GicV2mDescription { MsiFrames.Count: > 1 } v2m => $"GICv2m, {v2m.MsiFrames.Count} frames",
        GicV2mDescription => "GICv2m",
        SocMsiDescription { IsInHost: true } soc => $"{soc.Product}, its own",
        SocMsiDescription soc => soc.Product,
        _ => controller.GetType().Name.Replace("Description", "", StringComparison.Ordinal),
    };

    public static string KindOf(IommuDescription iommu) => iommu.Product ?? iommu.GetEngineModel().Name;

    /// <summary>A size with the unit it is a multiple of.</summary>
    public static string Size(ulong size) => Doorbell.Machines.Yaml.YamlNumber.Size(size);

    public static string Counted(int count, string thing) => $"{count} {thing}{(count == 1 ? "" : "s")}";

    public static string YesOrNo(bool value) => value ? "yes" : "no";
}
