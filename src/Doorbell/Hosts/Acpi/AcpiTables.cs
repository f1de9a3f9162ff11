namespace Doorbell.Hosts.Acpi;

/// <summary>The ACPI tables of a Linux host: <c>/sys/firmware/acpi/tables</c>, which only root may read.</summary>
public static class AcpiTables
{
    /// <summary>Where the kernel shows them.</summary>
    public const string Directory = HostPaths.AcpiTables;

    /// <summary>Reads them.</summary>
    /// <param name="files">The host's.</param>
    /// <param name="unknown">What could not be read is added to it.</param>
    /// <param name="bridges">As of <see cref="AcpiFirmware.Read"/>; without it, the host's configuration space is asked.</param>
    /// <returns>ENOENT where the host has no ACPI tables; EACCES where none that matters may be read; else as of <see cref="AcpiFirmware.Read"/>.</returns>
    public static Result<AcpiFirmware> Read(IHostFiles files, ICollection<HostUnknown> unknown, Func<PciAddress, AcpiBridgeBuses?>? bridges = null)
    {
        var set = new AcpiTableSet();
        bool any = false, refused = false;
        foreach (string name in files.List(Directory).Where(IsRead))
        {
            string path = $"{Directory}/{name}";
            any = true;
            HostFileStatus status = files.TryRead(path, out byte[] bytes);
            if (status == HostFileStatus.Read)
            {
                set.Add(path, bytes);
                continue;
            }

            refused |= status == HostFileStatus.NotPermitted;
            set.AddMissing(name[..4]);
            unknown.Add(new HostUnknown($"what {WhatTells(name[..4])}", new Evidence(path), status == HostFileStatus.NotPermitted ? HostRemedies.RunAsRoot : "read the file by hand and see why it fails"));
        }

        if (!any)
        {
            return Result.Fail(Errno.ENOENT, $"{files.Name} has no ACPI tables in {Directory} that tell of interrupts or IOMMUs.");
        }

        Result<AcpiFirmware> firmware = AcpiFirmware.Build(set, bridges ?? (bridge => BusesBehind(files, bridge)));
        return firmware.IsOk || !refused
            ? firmware
            : Result.Fail(Errno.EACCES, $"The ACPI tables of {files.Name} could not be read: {Directory} is root's.");
    }

    // The first 64 bytes, which anybody may read, have the header's type at 0x0e and a bridge's buses from 0x18 on (PCI-to-PCI bridge 1.2, 3.2).
    private static AcpiBridgeBuses? BusesBehind(IHostFiles files, PciAddress bridge) =>
        files.TryRead($"{HostPaths.PciDevices}/{bridge}/config", out byte[] config) == HostFileStatus.Read && config.Length > 0x1a && (config[0x0e] & 0x7f) == 1
            ? new AcpiBridgeBuses(config[0x19], config[0x1a])
            : null;

    // The kernel numbers tables of a signature that there are several of: SSDT1, SSDT2.
    private static bool IsRead(string name) => name.Length >= 4 && AcpiTableSet.Reads(name[..4]) && name.Skip(4).All(char.IsAsciiDigit);

    private static string WhatTells(string signature) => signature switch
    {
        "APIC" => "MSI controllers firmware describes, and where their doorbells are",
        "IORT" => "SMMU and MSI controller firmware puts behind each requester",
        "MCFG" => "PCI segments and buses firmware describes",
        "DMAR" => "VT-d units and reserved memory firmware describes, and whether it lets interrupts be remapped",
        "VIOT" => "virtio IOMMU firmware describes",
        _ => "AMD IOMMUs and reserved memory firmware describes",
    };
}
