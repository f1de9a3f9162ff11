namespace Doorbell.Machines.Yaml;

/// <summary>Reads a machine's YAML file (docs/machines.md). What is wrong in any way is refused whole.</summary>
public static class MachineYaml
{
    /// <summary>Reads one machine.</summary>
    /// <param name="file">The file's name, for sentences.</param>
    /// <param name="text">Its contents.</param>
    /// <returns>EINVAL with one sentence that names file, line, key and what was expected.</returns>
    public static Result<MachineDescription> Read(string file, string text)
    {
        var errors = new YamlErrors(file);
        MachineDescription? machine = null;
        if (YamlTree.Parse(text, errors) is { } root)
        {
            machine = ReadMachine(YamlMappingReader.Open(root, "", errors, "a machine's keys"));
        }

        return errors.First is { } sentence ? Result.Fail(Errno.EINVAL, sentence) : machine!;
    }

    private static MachineDescription ReadMachine(YamlMappingReader reader)
    {
        var claims = new MemoryClaims();
        string name = reader.Name("name");
        string title = reader.Text("title", "one line for people", name);
        MachineArchitecture architecture = reader.OneOf("architecture", ("arm64", MachineArchitecture.Arm64), ("x86-64", MachineArchitecture.X86));
        int cpus = (int)reader.Number("cpus", "a number of CPUs from 1 to 512", 1, 512);
        ulong pageSize = reader.Has("page-size") ? reader.OneOf("page-size", ("4K", 0x1000UL), ("16K", 0x4000UL), ("64K", 0x1_0000UL)) : 0x1000;

        var memory = new List<MemoryRange>();
        foreach (YamlMappingReader item in reader.Mappings("memory", "memory range", optional: true))
        {
            memory.Add(claims.Read(item, $"RAM {item.Path}", alignment: 0x1000));
            item.Finish();
        }

        List<MsiControllerDescription> controllers = [.. reader.Mappings("msi-controllers", "MSI controller", optional: true).Select(item => MsiControllerSection.Read(item, claims, architecture))];
        List<IommuDescription> iommus = [.. reader.Mappings("iommus", "IOMMU", optional: true).Select(item => IommuSection.Read(item, claims, architecture, pageSize))];
        var hosts = new PciHostSection(controllers, iommus, claims);
        List<PciHostDescription> pciHosts = [.. reader.Mappings("pci-hosts", "PCI host", optional: false).Select(hosts.Read)];
        reader.Finish();
        return new MachineDescription
        {
            Name = name,
            Title = title,
            Architecture = architecture,
            Cpus = cpus,
            PageSize = pageSize,
            Memory = memory,
            MsiControllers = controllers,
            Iommus = iommus,
            PciHosts = pciHosts,
        };
    }
}
