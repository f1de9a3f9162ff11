namespace Doorbell.Bench;

/// <summary>The figures to reach, chapter by chapter, and the table that says which this run has met.</summary>
internal static class Targets
{
    private const double NanosecondsPerSecond = 1e9;

    private static readonly Target[] Msi =
    [
        new("MSI, device write to handler (slowest of the machines)", 20, "million a second", true, static figures => Millions(SlowestDelivery(figures))),
        new("MSI, allocated", 0, "bytes", false, static figures => Machines.Max(machine => figures.Allocated("MsiDelivery.Deliver", machine))),
        new("MSI at 65,536 vectors on 4,096 devices, device after device, against one device", 1.5, "times", false, static figures => Ratio(figures, "MsiDeliveryAtScale.RoundRobin", "MsiDeliveryAtScale.OneDevice")),
        new("MSI at 65,536 vectors on 4,096 devices, random order, against one device", 1.5, "times", false, static figures => Ratio(figures, "MsiDeliveryAtScale.Random", "MsiDeliveryAtScale.OneDevice")),
        new("MSI at 65,536 vectors on 4,096 devices, device after device", 20 / 1.5, "million a second", true, static figures => Millions(figures.Time("MsiDeliveryAtScale.RoundRobin"))),
        new("MSI at 65,536 vectors on 4,096 devices, random order", 20 / 1.5, "million a second", true, static figures => Millions(figures.Time("MsiDeliveryAtScale.Random"))),
        new("a second vector on a bound page, armed and disarmed, above one that needs no mapping", 150, "ns", false, static figures => figures.Time("SecondVector.Bound") - figures.Time("SecondVector.Untranslated")),
        new("a reference more on a bound page and its release: what such a vector costs more", 150, "ns", false, static figures => figures.Time("DoorbellBinding.OneMore", "10")),
    ];

    private static readonly Target[] Iommu =
    [
        new("first binding and last release, 1,000,000 bindings against 10", 2, "times", false, static figures => figures.Time("DoorbellBinding.FirstAndLast", "1000000") / figures.Time("DoorbellBinding.FirstAndLast", "10")),
        new("4 KiB mapped and unmapped anywhere among 1,000,000 live mappings, in a domain", 3, "million pairs a second", true, static figures => Millions(figures.Time("MapUnmap.Pair"))),
        new("4 KiB mapped and unmapped with 1,000,000 live mappings, through a type1 container, in order", 1, "million pairs a second", true, static figures => Millions(figures.Time("ContainerMapUnmap.InOrder"))),
        new("4 KiB mapped and unmapped with 1,000,000 live mappings, through a type1 container, anywhere", 1, "million pairs a second", true, static figures => Millions(figures.Time("ContainerMapUnmap.Anywhere"))),
        new("a random translation in 1,000,000 mappings, against a bare walk", 3, "times", false, static figures => Ratio(figures, "Translation.Random", "Translation.Bare")),
    ];

    private static readonly Target[][] Chapters = [Msi, Iommu];

    private static IEnumerable<string> Machines => ["virt-gicv3", "virt-gicv2m", "amd-overdrive"];

    /// <summary>Prints the table.</summary>
    public static void Print(Figures figures)
    {
        Console.WriteLine("| Target | wanted | measured | met |");
        Console.WriteLine("|---|---|---|---|");
        foreach (Target target in Chapters.SelectMany(static chapter => chapter))
        {
            Console.WriteLine(target.Row(figures));
        }

        Console.WriteLine();
    }

    private static double? SlowestDelivery(Figures figures) => Machines.Max(machine => figures.Time("MsiDelivery.Deliver", machine));

    private static double? Millions(double? nanoseconds) => NanosecondsPerSecond / nanoseconds / 1e6;

    private static double? Ratio(Figures figures, string one, string other) => figures.Time(one) / figures.Time(other);
}
