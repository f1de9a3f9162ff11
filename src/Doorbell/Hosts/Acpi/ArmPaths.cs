using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Hosts.Acpi;

/// <summary>Ways on an Arm machine: root complex, SMMU and ITS group by IORT's ID mappings, and GICv2m frames for whom IORT sends to no ITS.</summary>
internal sealed class ArmPaths : AcpiPaths
{
    /// <summary>GITS_TRANSLATER (IHI 0069, 12.18): in the second 64 KiB page.</summary>
    private const ulong Translater = 0x1_0040;

    /// <summary>MSI_SETSPI_NS of a GICv2m frame (SBSA, appendix E).</summary>
    private const ulong SetSpi = 0x40;

    private readonly AcpiTableSet _tables;
    private readonly Dictionary<IortNode, FirmwareIommu> _smmus = [];
    private readonly Dictionary<uint, FirmwareMsiController> _its = [];
    private readonly Dictionary<ushort, IortRootComplex> _roots = [];
    private readonly FirmwareMsiController? _frame;

    public ArmPaths(AcpiTableSet tables)
    {
        _tables = tables;
        _frame = AddControllers();
        foreach (IortNode node in tables.Iort?.Nodes ?? [])
        {
            if (node is IortSmmu smmu)
            {
                AddSmmu(smmu);
            }
            else if (node is IortRootComplex { Segment: <= ushort.MaxValue } root && _roots.TryAdd((ushort)root.Segment, root))
            {
                Segments.Add((int)root.Segment, tables.Iort!.Table.At(root.Offset));
            }
            else if (node is IortRootComplex other)
            {
                Notes.Add(tables.Iort!.Table.Note(other.Offset, $"a root complex of segment {other.Segment}, which is no segment or has one already, is left out"));
            }
        }

        foreach (IortReservedMemory memory in tables.Iort?.Nodes.OfType<IortReservedMemory>() ?? [])
        {
            AddReserved(memory);
        }

        if (tables.Iort is null && !tables.IsMissing("IORT"))
        {
            Notes.Add("There is no IORT: firmware puts no SMMU in front of any PCI function and sends none to an ITS.");
        }
    }

    /// <inheritdoc/>
    public override FirmwarePath Find(ushort segment, RequesterId requester)
    {
        if (_tables.IsMissing("IORT"))
        {
            return Unknown([]);
        }

        return Walk(_roots.GetValueOrDefault(segment), requester);
    }

    private FirmwarePath Walk(IortRootComplex? root, RequesterId requester)
    {
        List<Evidence> rows = [];
        FirmwareIommu? iommu = null;
        uint stream = 0, id = requester.Value;
        IortNode? node = root;

        // Mappings may lead round in a circle; no way passes a node twice.
        HashSet<int> passed = [];
        while (node is not null && passed.Add(node.Offset))
        {
            if (node is IortItsGroup group)
            {
                return ToGroup(group, rows, iommu, stream, id, requester);
            }

            if (node is IortSmmu && iommu is null)
            {
                (iommu, stream) = (_smmus[node], id);
            }

            if (!TryMap(node, id, out IortMapping mapping, out id))
            {
                rows.Add(_tables.Iort!.Table.At(node.Offset));

                // Linux gives a single mapping's output to every requester of a root complex, which no specification says.
                return node is IortRootComplex && node.Mappings.Any(static candidate => candidate.IsSingle) ? Unknown(rows) : ToFrame(rows, iommu, stream, requester);
            }

            rows.Add(_tables.Iort!.Table.At(mapping.Offset));
            node = _tables.Iort.NodeAt(mapping.Target);
            if (node is null)
            {
                return Unknown(rows);
            }
        }

        return node is null ? ToFrame(rows, iommu, stream, requester) : Unknown(rows);
    }

    private FirmwarePath ToGroup(IortItsGroup group, List<Evidence> rows, FirmwareIommu? iommu, uint stream, uint device, RequesterId requester)
    {
        // The first of a group that there is takes its devices' MSIs; the others would do as well.
        foreach (uint id in group.Ids)
        {
            if (_its.TryGetValue(id, out FirmwareMsiController? its))
            {
                rows.Add(its.Evidence);
                return new FirmwarePath(IsKnown: true, iommu, stream, its, device, rows);
            }
        }

        rows.Add(_tables.Iort!.Table.At(group.Offset));
        return ToFrame(rows, iommu, stream, requester);
    }

    private FirmwarePath ToFrame(List<Evidence> rows, FirmwareIommu? iommu, uint stream, RequesterId requester)
    {
        if (_tables.Madt is null)
        {
            return Unknown(rows);
        }

        if (_frame is not null)
        {
            rows.Add(_frame.Evidence);
        }

        return new FirmwarePath(IsKnown: true, iommu, stream, _frame, _frame is null ? 0u : requester.Value, rows);
    }

    /// <summary>What a node makes of an ID; the first mapping that has it counts.</summary>
    private static bool TryMap(IortNode node, uint id, out IortMapping mapping, out uint output)
    {
        int own = node is IortSmmu smmu ? smmu.OwnMapping : -1;
        int found = -1;
        for (int index = 0; index < node.Mappings.Count; index++)
        {
            IortMapping candidate = node.Mappings[index];
            bool single = candidate.IsSingle && node is IortNamedComponent;
            if (index == own || (candidate.IsSingle && !single) || (!single && !candidate.Covers(id)) || (found >= 0 && candidate.InputBase != id))
            {
                continue;
            }

            found = index;

            // The count is of IDs less one, and some tables have it one too high: the last ID of a range is the next range's where that begins with it.
            if (single || candidate.Count == 0 || id != candidate.InputLast)
            {
                break;
            }
        }

        mapping = found < 0 ? default : node.Mappings[found];
        output = found < 0 ? id : mapping.IsSingle ? mapping.OutputBase : unchecked(mapping.OutputBase + (id - mapping.InputBase));
        return found >= 0;
    }

    private FirmwareMsiController? AddControllers()
    {
        FirmwareMsiController? first = _tables.Madt is { } madt ? AddControllers(madt) : null;
        AddItsOutsideMadt();
        return first;
    }

    private FirmwareMsiController? AddControllers(MadtTable madt)
    {
        foreach (MadtIts its in madt.Its)
        {
            var controller = new FirmwareMsiController(
                Unique($"ITS {its.Id} at 0x{its.Base:x}", its.Offset), FirmwareMsiKind.Its, unchecked(its.Base + Translater), madt.Table.At(its.Offset)) { Product = madt.Table.Oem };
            Controllers.Add(controller);
            if (!_its.TryAdd(its.Id, controller))
            {
                Notes.Add(madt.Table.Note(its.Offset, $"a second ITS has the ID {its.Id}; IORT's is the first"));
            }
        }

        FirmwareMsiController? first = null;
        foreach (MadtMsiFrame frame in madt.MsiFrames)
        {
            var controller = new FirmwareMsiController(
                Unique($"GICv2m frame {frame.Id} at 0x{frame.Base:x}", frame.Offset), FirmwareMsiKind.GicV2m, unchecked(frame.Base + SetSpi), madt.Table.At(frame.Offset))
            { Product = madt.Table.Oem };
            Controllers.Add(controller);
            first ??= controller;
        }

        if (madt.MsiFrames.Count > 1)
        {
            Notes.Add(madt.Table.Note(madt.MsiFrames[0].Offset, $"there are {madt.MsiFrames.Count} GICv2m frames, and an MSI may go to any of them; the first is named"));
        }

        return first;
    }

    // Without MADT an ITS of a group is there all the same, and only its address is not known.
    private void AddItsOutsideMadt()
    {
        foreach (IortItsGroup group in _tables.Iort?.Nodes.OfType<IortItsGroup>() ?? [])
        {
            foreach (uint id in group.Ids.Where(id => !_its.ContainsKey(id)))
            {
                if (_tables.Madt is null)
                {
                    var unplaced = new FirmwareMsiController($"ITS {id}", FirmwareMsiKind.Its, Doorbell: null, _tables.Iort!.Table.At(group.Offset));
                    _its.Add(id, unplaced);
                    Controllers.Add(unplaced);
                }
                else
                {
                    Notes.Add(_tables.Iort!.Table.Note(group.Offset, $"a group names the ITS {id}, which {_tables.Madt.Table.File} does not have"));
                }
            }
        }
    }

    private void AddSmmu(IortSmmu smmu)
    {
        var iommu = new FirmwareIommu
        {
            Name = Unique($"SMMUv{(smmu.IsV3 ? "3" : smmu.Model is 0 or 4 ? "1" : "2")} at 0x{smmu.Base:x}", smmu.Offset),
            Model = smmu.IsV3 ? SmmuModel.SmmuV3 : SmmuModel.SmmuV2,
            Product = smmu.Product,
            Base = smmu.Base,
            Evidence = _tables.Iort!.Table.At(smmu.Offset),
        };
        Iommus.Add(iommu);
        _smmus.Add(smmu, iommu);
    }

    private void AddReserved(IortReservedMemory memory)
    {
        foreach (IGrouping<uint, IortMapping> smmu in memory.Mappings.GroupBy(static mapping => mapping.Target))
        {
            if (_tables.Iort!.NodeAt(smmu.Key) is not IortSmmu node)
            {
                continue;
            }

            var functions = new FunctionRanges(smmu.SelectMany(streams => FunctionsOf(smmu.Key, streams.OutputBase, streams.OutputLast)));
            if (functions.Count == 0)
            {
                Notes.Add(_tables.Iort.Table.Note(memory.Offset, $"reserved memory behind {_smmus[node].Name} is of no PCI function, and is left out"));
                continue;
            }

            foreach (IortReservedRange range in memory.Ranges)
            {
                var region = new ReservedRegion(new Iova(range.Base), range.Size, ReservedRegionType.Direct);
                Reserved.Add(new FirmwareReservedMemory(region, functions, _smmus[node].Name, _tables.Iort.Table.At(range.Offset)) { IsRelaxable = memory.RemappingPermitted });
            }
        }
    }

    /// <summary>The PCI functions whose StreamIDs are in a range.</summary>
    private IEnumerable<(ushort Segment, ushort First, ushort Last)> FunctionsOf(uint smmu, ulong first, ulong last)
    {
        foreach ((ushort segment, IortRootComplex root) in _roots)
        {
            foreach (IortMapping mapping in root.Mappings.Where(mapping => mapping.Target == smmu && !mapping.IsSingle))
            {
                ulong from = Math.Max(first, mapping.OutputBase), to = Math.Min(last, mapping.OutputLast);
                ulong low = from - mapping.OutputBase + mapping.InputBase, high = Math.Min(to - mapping.OutputBase + mapping.InputBase, ushort.MaxValue);
                if (from <= to && low <= high)
                {
                    yield return (segment, (ushort)low, (ushort)high);
                }
            }
        }
    }
}
