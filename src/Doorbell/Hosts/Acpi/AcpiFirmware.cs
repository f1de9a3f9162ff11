using Doorbell.Machines;

namespace Doorbell.Hosts.Acpi;

/// <summary>
/// What a machine's ACPI tables say of its PCI hosts, IOMMUs and MSI controllers: MADT, IORT and MCFG on Arm, DMAR or IVRS, MADT and MCFG on x86.
/// A table that is broken is left out whole, with a sentence in <see cref="Notes"/>; the others count, and what only the broken one would tell is not known.
/// </summary>
public sealed class AcpiFirmware : IFirmware
{
    private readonly AcpiPaths _paths;
    private readonly HashSet<int> _segments;
    private readonly bool _hasVirtioIommu;

    private AcpiFirmware(MachineArchitecture architecture, AcpiTableSet tables, AcpiPaths paths, IReadOnlyList<FirmwarePciHost> hosts)
    {
        (Architecture, _paths, PciHosts) = (architecture, paths, hosts);
        _segments = [.. hosts.Select(static host => host.Segment), .. paths.Segments.Keys];
        Notes = [.. tables.Notes, .. paths.Notes];
        _hasVirtioIommu = tables.IsMissing("VIOT");
        GicVersion = tables.Madt?.GicVersion;
        OptsOutOfX2Apic = tables.Dmar?.OptsOutOfX2Apic ?? false;
    }

    /// <inheritdoc/>
    public MachineArchitecture Architecture { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareIommu> Iommus => _paths.Iommus;

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareMsiController> MsiControllers => _paths.Controllers;

    /// <inheritdoc/>
    public IReadOnlyList<FirmwarePciHost> PciHosts { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareReservedMemory> ReservedMemory => _paths.Reserved;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>MADT's GIC architecture version, 0 where the hardware is to be asked; null where MADT has no distributor.</summary>
    public byte? GicVersion { get; }

    /// <summary>DMAR's X2APIC_OPT_OUT: firmware asks that x2APIC mode be left alone; it does not say that interrupts are not remapped.</summary>
    public bool OptsOutOfX2Apic { get; }

    /// <summary>Reads tables out of files of any name: each is told by its signature, acpidump's text is taken apart, and what is no table of interest is passed over.</summary>
    /// <param name="tables">Files with their bytes.</param>
    /// <param name="bridges">
    /// The buses behind a bridge, null where it is none or not known; asked while this reads. DMAR names devices by the way over bridges: without it, a requester that a
    /// scope behind a bridge might mean has no known way.
    /// </param>
    /// <returns>ENOENT where no file is a table of interest; EINVAL where those that are cannot be used; EOPNOTSUPP where they are not of an Arm or x86 machine.</returns>
    public static Result<AcpiFirmware> Read(IReadOnlyList<(string File, byte[] Bytes)> tables, Func<PciAddress, AcpiBridgeBuses?>? bridges = null)
    {
        var set = new AcpiTableSet();
        foreach ((string file, byte[] bytes) in tables)
        {
            set.Add(file, bytes);
        }

        return set.IsEmpty
            ? Result.Fail(Errno.ENOENT, $"None of {tables.Count} files is an ACPI table that tells of interrupts or IOMMUs: expected APIC, IORT, MCFG, DMAR, IVRS or VIOT.")
            : Build(Loose(set), bridges);
    }

    // Of loose files nobody can tell what other tables the machine has: that none of them is about IOMMUs does not say that there is no IOMMU.
    private static AcpiTableSet Loose(AcpiTableSet set)
    {
        switch (ArchitectureOf(set))
        {
            case MachineArchitecture.Arm64 when set.Iort is null:
                set.AddMissing("IORT");
                break;
            case MachineArchitecture.X86 when set.Dmar is null && set.Ivrs is null:
                set.AddMissing("DMAR");
                break;
        }

        return set;
    }

    /// <summary>Reads what the tables say together.</summary>
    internal static Result<AcpiFirmware> Build(AcpiTableSet tables, Func<PciAddress, AcpiBridgeBuses?>? bridges)
    {
        if (ArchitectureOf(tables) is not { } architecture)
        {
            return tables.Notes.Count > 0
                ? Result.Fail(Errno.EINVAL, string.Join(' ', tables.Notes))
                : Result.Fail(Errno.EOPNOTSUPP, "Nothing in the ACPI tables tells an Arm or x86 machine: expected an APIC table with a GIC or local APICs, or IORT, DMAR or IVRS.");
        }

        AcpiPaths paths = architecture == MachineArchitecture.Arm64 ? new ArmPaths(tables)
            : tables.Dmar is { } dmar ? new VtdPaths(dmar, bridges ?? (static _ => null))
            : tables.Ivrs is { } ivrs ? new AmdPaths(ivrs, tables.Madt)
            : new NoPaths(isKnown: !tables.IsMissing("DMAR") && !tables.IsMissing("IVRS"), tables.Madt is { } madt ? [new Evidence(madt.Table.File)] : []);
        return new AcpiFirmware(architecture, tables, paths, HostsOf(architecture, tables, paths));
    }

    /// <inheritdoc/>
    public FirmwarePath FindPath(PciAddress host, RequesterId requester)
    {
        if (!_segments.Contains(host.Segment))
        {
            return new FirmwarePath(IsKnown: false, null, 0, null, 0, []);
        }

        FirmwarePath path = _paths.Find(host.Segment, requester);
        return path.Iommu is null && _hasVirtioIommu ? path with { IsKnown = false } : path;
    }

    private static MachineArchitecture? ArchitectureOf(AcpiTableSet tables) => tables switch
    {
        { Madt.HasGic: true } => MachineArchitecture.Arm64,
        { Madt.HasLocalApic: true } => MachineArchitecture.X86,
        { Iort: not null } => MachineArchitecture.Arm64,
        { Dmar: not null } or { Ivrs: not null } => MachineArchitecture.X86,
        _ when tables.IsMissing("IORT") => MachineArchitecture.Arm64,
        _ when tables.IsMissing("DMAR") || tables.IsMissing("IVRS") => MachineArchitecture.X86,
        _ => null,
    };

    // Without MCFG, an x86 machine has segment 0 behind ports 0xcf8 and 0xcfc, and of others what names them is known.
    private static IReadOnlyList<FirmwarePciHost> HostsOf(MachineArchitecture architecture, AcpiTableSet tables, AcpiPaths paths)
    {
        if (tables.Mcfg is { Hosts.Count: > 0 } mcfg)
        {
            return mcfg.Hosts;
        }

        List<FirmwarePciHost> hosts = [.. paths.Segments.OrderBy(static row => row.Key).Select(static row => new FirmwarePciHost(row.Key, 0, 0xff, row.Value))];
        if (architecture == MachineArchitecture.X86 && !paths.Segments.ContainsKey(0) && tables.Madt is { } madt)
        {
            hosts.Insert(0, new FirmwarePciHost(0, 0, 0xff, new Evidence(madt.Table.File)));
        }

        return hosts;
    }
}
