namespace Doorbell.Machines.DeviceTree;

/// <summary>Reads a machine out of a flattened device tree, a .dtb (docs/machines.md says what of it, and what is assumed). What is wrong in any way is refused whole.</summary>
public static class DeviceTreeMachine
{
    private const int MaxCpus = 512;
    private const int MaxHosts = 256;
    private const int MaxMemoryRanges = 1024;
    private const int MaxSlots = 4096;

    /// <summary>Reads one machine, and sees that it can be built.</summary>
    /// <param name="file">The file's name, for sentences; the machine is called as it, without folder and ending.</param>
    /// <param name="blob">Its contents.</param>
    /// <returns>
    /// EINVAL: not a device tree, or one that contradicts itself; ENODEV: it lacks something a machine must have; ENXIO: it has PCI hosts, and none is in use; EOPNOTSUPP: it has something that is not
    /// modelled. Always with one sentence that names file, node, property and what was expected.
    /// </returns>
    public static Result<MachineDescription> Read(string file, ReadOnlySpan<byte> blob)
    {
        Result<DtNode> root = FdtParser.Parse(blob);
        if (!root.IsOk)
        {
            return Result.Fail(root.Errno, $"{file}: {root.Reason}.");
        }

        var errors = new DtErrors(file);
        MachineDescription machine = ReadMachine(NameOf(file), new DtTree(root.Value, errors));
        if (!errors.First.IsOk)
        {
            return errors.First;
        }

        Result<Machine> built = new MachineBuilder(machine).Build();
        return built.IsOk ? machine : Result.Fail(built.Errno, $"{file}: {built.Reason.TrimEnd('.')}.");
    }

    /// <summary>What the tree calls its board (<c>model</c>); null where it is no device tree or does not say.</summary>
    public static string? ReadModel(ReadOnlySpan<byte> blob) => FdtParser.Parse(blob) is { IsOk: true } root ? ModelOf(root.Value) : null;

    private static string? ModelOf(DtNode root) => root.Find("model")?.TryGetStrings(out IReadOnlyList<string> model) == true && model[0].Length > 0 ? model[0] : null;

    private static string NameOf(string file)
    {
        string name = file[(file.LastIndexOf('/') + 1)..];
        return name.EndsWith(".dtb", StringComparison.Ordinal) && name.Length > 4 ? name[..^4] : name;
    }

    private static MachineDescription ReadMachine(string name, DtTree tree)
    {
        var naming = new DtNaming();
        var interrupts = new InterruptTree(tree);
        var gic = new GicSection(tree, interrupts, naming);
        var smmus = new SmmuSection(tree, naming);
        var msis = new MsiSection(tree, naming, gic);
        var machine = new MachineDescription { Name = name, Title = ModelOf(tree.Root) ?? name, Architecture = MachineArchitecture.Arm64, Cpus = 1 };

        List<DtNode> hosts = FindHosts(tree);
        if (!tree.Errors.First.IsOk || FindGic(tree, interrupts, hosts) is not { } root)
        {
            return machine;
        }

        gic.Read(root);
        int cpus = CountCpus(tree);
        IReadOnlyList<MemoryRange> memory = ReadMemory(tree, naming);
        var section = new PciHostSection(tree, naming, smmus, msis);
        var read = new List<PciHostDescription>();
        foreach (DtNode host in hosts)
        {
            PciHostDescription description = section.Read(host, FreeSegment(tree, hosts, read));
            if (read.Find(other => other.Segment == description.Segment && other.FirstBus <= description.LastBus && description.FirstBus <= other.LastBus) is { } shared)
            {
                tree.Errors.Fail(host, "bus-range", $"buses 0x{description.FirstBus:x} to 0x{description.LastBus:x} of segment {description.Segment} overlap those of {shared.Name}: expected buses of its own");
            }

            read.Add(description);
            if (read.Sum(static other => other.Slots.Count) > MaxSlots)
            {
                tree.Errors.Fail(host, null, $"more than {MaxSlots} slots on this host and those before it: expected {MaxSlots} at most");
            }

            if (!tree.Errors.First.IsOk)
            {
                return machine;
            }
        }

        smmus.NoteOthers();
        return machine with
        {
            Cpus = cpus,
            Memory = memory,
            MsiControllers = [.. msis.Controllers],
            Iommus = [.. smmus.Iommus.Select(iommu => MsiWindow.Place(tree, WithStreamIdBits(iommu, read), read, naming))],
            PciHosts = read,
            Notes = naming.Notes,
        };
    }

    private static List<DtNode> FindHosts(DtTree tree)
    {
        List<DtNode> all = [.. tree.Nodes.Where(PciHostSection.IsHost)];
        List<DtNode> enabled = [.. all.Where(host => host.IsReachable)];
        if (all.Count == 0)
        {
            tree.Errors.Fail(Errno.ENODEV, "it has no PCI host: expected a node with device_type \"pci\"");
        }
        else if (enabled.Count == 0)
        {
            tree.Errors.Fail(Errno.ENXIO, $"{(all.Count == 1 ? "its PCI host is" : $"its {all.Count} PCI hosts are")} disabled ({string.Join(", ", all.Take(4).Select(host => host.Path))}{(all.Count > 4 ? ", ..." : "")}): expected one with status \"okay\"");
        }
        else if (enabled.Count > MaxHosts)
        {
            tree.Errors.Fail(tree.Root, null, $"{enabled.Count} PCI hosts: expected {MaxHosts} at most");
        }

        return enabled;
    }

    // A host's own interrupts may end at a controller that turns them into MSIs (Marvell's ICU); then the GIC is the whole tree's.
    private static DtNode? FindGic(DtTree tree, InterruptTree interrupts, List<DtNode> hosts)
    {
        DtNode? root = interrupts.FindRoot(hosts[0]);
        if (root is null || GicSection.IsGic(root))
        {
            return root;
        }

        DtNode? general = tree.Root.Has("interrupt-parent") ? interrupts.FindRoot(tree.Root) : null;
        general = general is not null && GicSection.IsGic(general) ? general : tree.Nodes.FirstOrDefault(node => GicSection.IsGic(node) && node.IsReachable);
        if (general is not null)
        {
            return general;
        }

        tree.Errors.Fail(Errno.EOPNOTSUPP, $"{root.Path}: compatible: the interrupts end at {root.Kind}, which is not modelled: expected a GIC");
        return null;
    }

    private static int CountCpus(DtTree tree)
    {
        DtNode? cpus = tree.Root.Children.FirstOrDefault(node => node.Name == "cpus");
        int count = cpus?.Children.Count(node => node.Find("device_type") is { } type && type.Value.SequenceEqual("cpu\0"u8)) ?? 0;
        if (count == 0)
        {
            tree.Errors.Fail(Errno.ENODEV, "/cpus: it has no CPU: expected a node with device_type \"cpu\"");
        }
        else if (count > MaxCpus)
        {
            tree.Errors.Fail(cpus!, null, $"{count} CPUs: expected {MaxCpus} at most");
        }

        return count;
    }

    // Firmware fills in how much there is: many trees have no memory node, or one of no size.
    private static List<MemoryRange> ReadMemory(DtTree tree, DtNaming naming)
    {
        var memory = new List<MemoryRange>();
        int address = tree.AddressCells(tree.Root), size = tree.SizeCells(tree.Root);
        foreach (DtNode node in tree.Root.Children.Where(child => child.IsEnabled && child.Find("device_type") is { } type && type.Value.SequenceEqual("memory\0"u8)))
        {
            if (node.Find("reg") is not { } reg || !reg.IsCells || reg.CellCount % Math.Max(1, address + size) != 0 || address is < 1 or > 2 || size < 1)
            {
                tree.Errors.Fail(node, "reg", $"expected entries of {address} cells of address and {size} of size");
                break;
            }

            for (int at = 0; at < reg.CellCount && tree.Errors.First.IsOk; at += address + size)
            {
                if (reg.Number(at + address, size) != 0 && tree.Translate(node, "reg", tree.Root, reg.Number(at, address), reg.Number(at + address, size)) is { } range)
                {
                    if (memory.Exists(other => other.Overlaps(range)))
                    {
                        tree.Errors.Fail(node, "reg", $"{range} overlaps other memory: expected ranges that share nothing");
                    }

                    memory.Add(range);
                    if (memory.Count > MaxMemoryRanges)
                    {
                        tree.Errors.Fail(node, "reg", $"more than {MaxMemoryRanges} ranges of memory: expected {MaxMemoryRanges} at most");
                    }
                }
            }
        }

        if (memory.Count == 0)
        {
            naming.Note("The tree names no RAM: firmware would.");
        }

        return memory;
    }

    // SMMU_IDR1.SIDSIZE is in no tree: as many bits as the maps need.
    private static IommuDescription WithStreamIdBits(IommuDescription iommu, List<PciHostDescription> hosts)
    {
        ulong last = hosts.SelectMany(static host => host.IommuMap.Entries).Where(entry => entry.Target == iommu.Name)
            .Select(static entry => (ulong)entry.OutputBase + entry.Length - 1).DefaultIfEmpty().Max();
        int bits = 64 - System.Numerics.BitOperations.LeadingZeroCount(last);
        return iommu.Model == SmmuModel.SmmuV3 && bits > iommu.GetEngineModel().StreamIdBits ? iommu with { StreamIdBits = bits } : iommu;
    }

    // Linux counts up where a host has no linux,pci-domain.
    private static ushort FreeSegment(DtTree tree, List<DtNode> hosts, List<PciHostDescription> read)
    {
        ushort segment = 0;
        while (read.Exists(host => host.Segment == segment) || hosts.Exists(host => host.Find("linux,pci-domain") is { Value.Length: 4 } domain && domain.Cell(0) == segment))
        {
            segment++;
        }

        return segment;
    }
}
