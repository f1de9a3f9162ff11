using System.Text;

namespace Doorbell.Hosts;

/// <summary>Every file of a host that <see cref="HostReader"/> and the readers of firmware look at: what a capture is made of (docs/capture.md).</summary>
public static class HostInventory
{
    private static readonly string[] Files =
    [
        HostPaths.Architecture, HostPaths.ArmIdentification, HostPaths.AuxiliaryVector, HostPaths.CommandLine, HostPaths.DeviceTree, HostPaths.Interrupts, HostPaths.IoMemory,
        HostPaths.Modules, HostPaths.PackedConfiguration, HostPaths.Release, HostPaths.Version,
    ];

    private static readonly string[] Directories = [HostPaths.AcpiTables, HostPaths.Iommus, HostPaths.IommuGroups, HostPaths.IrqDomains, HostPaths.PciDevices];

    /// <summary>What there is on this host, each thing once; files that it lacks are among them.</summary>
    public static IEnumerable<HostInventoryItem> Of(IHostFiles files)
    {
        // An empty directory says that there are none; without it nobody knows.
        foreach (string directory in Directories)
        {
            yield return new HostInventoryItem(directory, HostInventoryKind.Directory);
        }

        foreach (string file in Files)
        {
            yield return File(file);
        }

        if (files.StatusOf(HostPaths.PackedConfiguration) != HostFileStatus.Read && files.TryRead(HostPaths.Release, out byte[] release) == HostFileStatus.Read)
        {
            yield return File(HostPaths.BootConfiguration + Encoding.UTF8.GetString(release).Trim().Replace('/', '_'));
        }

        foreach (string table in files.List(HostPaths.AcpiTables).Where(IsTable))
        {
            yield return File($"{HostPaths.AcpiTables}/{table}");
        }

        foreach (string domain in files.List(HostPaths.IrqDomains))
        {
            yield return File($"{HostPaths.IrqDomains}/{domain}");
        }

        foreach (string module in HostPaths.ModulesWithParameters)
        {
            string folder = $"/sys/module/{module}/parameters";
            foreach (string parameter in files.List(folder))
            {
                yield return File($"{folder}/{parameter}");
            }
        }

        foreach (string iommu in files.List(HostPaths.Iommus))
        {
            yield return Link($"{HostPaths.Iommus}/{iommu}");
        }

        foreach (HostInventoryItem item in OfGroups(files).Concat(OfFunctions(files)))
        {
            yield return item;
        }
    }

    private static HostInventoryItem File(string path) => new(path, HostInventoryKind.File);

    private static HostInventoryItem Link(string path) => new(path, HostInventoryKind.Link);

    // "APIC", "APIC2"
    private static bool IsTable(string name) => HostPaths.AcpiTableNames.Contains(name.TrimEnd("0123456789".ToCharArray()));

    private static IEnumerable<HostInventoryItem> OfGroups(IHostFiles files)
    {
        foreach (string group in files.List(HostPaths.IommuGroups))
        {
            string folder = $"{HostPaths.IommuGroups}/{group}";
            yield return new HostInventoryItem(folder + "/devices", HostInventoryKind.Directory);
            foreach (string file in HostPaths.GroupFiles)
            {
                yield return File($"{folder}/{file}");
            }

            foreach (string device in files.List(folder + "/devices"))
            {
                yield return Link($"{folder}/devices/{device}");
            }
        }
    }

    // A function's link says which bridge it is behind; its files are where that leads.
    private static IEnumerable<HostInventoryItem> OfFunctions(IHostFiles files)
    {
        foreach (string function in files.List(HostPaths.PciDevices))
        {
            string folder = $"{HostPaths.PciDevices}/{function}";
            if (files.ReadLink(folder) is { } target)
            {
                yield return Link(folder);
                folder = Follow(HostPaths.PciDevices, target);
            }

            foreach (string file in HostPaths.FunctionFiles)
            {
                yield return File($"{folder}/{file}");
            }

            foreach (string link in HostPaths.FunctionLinks)
            {
                yield return Link($"{folder}/{link}");
            }
        }
    }

    private static string Follow(string folder, string target)
    {
        var names = new List<string>(target.StartsWith('/') ? [] : folder.Split('/', StringSplitOptions.RemoveEmptyEntries));
        foreach (string name in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == ".." && names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
            else if (name is not ("." or ".."))
            {
                names.Add(name);
            }
        }

        return "/" + string.Join('/', names);
    }
}
