namespace Doorbell.Cli.Machines;

/// <summary>The counts of a scan.</summary>
internal sealed class ScanTotals
{
    public int Trees { get; private set; }

    public int Loads { get; private set; }

    public int Isolated { get; private set; }

    public int Translated { get; private set; }

    /// <summary>Isolated and translated: VFIO hands devices over.</summary>
    public int Safe { get; private set; }

    /// <summary>Translated and not isolated: only with --allow-unsafe-interrupts.</summary>
    public int Unsafe => Translated - Safe;

    public int Refused => Trees - Loads;

    /// <summary>Refused because every PCI host is disabled (ENXIO).</summary>
    public int Disabled { get; private set; }

    /// <summary>Refused because something is missing that a machine must have, a PCI host most often (ENODEV).</summary>
    public int Lacking { get; private set; }

    /// <summary>Refused because they are no device trees, or contradict themselves.</summary>
    public int Wrong => Refused - Disabled - Lacking - Unmodelled;

    /// <summary>Refused because of something that is not modelled (EOPNOTSUPP).</summary>
    public int Unmodelled { get; private set; }

    public void Add(ScannedTree tree)
    {
        Trees++;
        Disabled += tree.Errno == Errno.ENXIO ? 1 : 0;
        Lacking += tree.Errno == Errno.ENODEV ? 1 : 0;
        Unmodelled += tree.Errno == Errno.EOPNOTSUPP ? 1 : 0;
        if (tree.Survey is { } survey)
        {
            Loads++;
            Isolated += survey.IsIsolated ? 1 : 0;
            Translated += survey.IsTranslated ? 1 : 0;
            Safe += survey.IsIsolated && survey.IsTranslated ? 1 : 0;
        }
    }
}
