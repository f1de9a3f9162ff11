using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Hosts.Acpi;

/// <summary>Ways on a machine with VT-d: the unit whose device scopes have the function, else its segment's INCLUDE_PCI_ALL (VT-d 4.1, 8.3).</summary>
internal sealed class VtdPaths : AcpiPaths
{
    private readonly DmarTable _dmar;
    private readonly Func<PciAddress, AcpiBridgeBuses?> _bridges;
    private readonly List<(DmarUnit Unit, FirmwareIommu Iommu, DmarTarget[] Targets)> _units = [];

    /// <param name="dmar">The table.</param>
    /// <param name="bridges">The buses behind a bridge; null where it is none or not known.</param>
    public VtdPaths(DmarTable dmar, Func<PciAddress, AcpiBridgeBuses?> bridges)
    {
        (_dmar, _bridges) = (dmar, bridges);
        foreach (DmarUnit unit in dmar.Units)
        {
            var iommu = new FirmwareIommu
            {
                Name = Unique($"DRHD at 0x{unit.Base:x}", unit.Offset),
                Model = SmmuModel.VtD,
                Base = unit.Base,
                InterruptRemapping = dmar.RemapsInterrupts,
                Evidence = dmar.Table.At(unit.Offset),
            };
            Iommus.Add(iommu);
            Segments.TryAdd(unit.Segment, iommu.Evidence);
            _units.Add((unit, iommu, [.. unit.Scopes.Select(scope => Resolve(unit.Segment, scope))]));
        }

        foreach (DmarReservedMemory memory in dmar.Reserved)
        {
            AddReserved(memory);
        }
    }

    /// <inheritdoc/>
    public override FirmwarePath Find(ushort segment, RequesterId requester)
    {
        PciAddress function = FunctionRanges.Address(segment, requester.Value);
        DmarScope? doubtful = null;
        foreach ((DmarUnit unit, FirmwareIommu iommu, DmarTarget[] targets) in _units)
        {
            if (unit.Segment != segment || unit.IncludesAll)
            {
                continue;
            }

            foreach (DmarTarget target in targets)
            {
                if (target.Covers(function))
                {
                    return Path(iommu, requester, [iommu.Evidence, _dmar.Table.At(target.Scope.Offset)]);
                }

                doubtful ??= target.MayCover(function) ? target.Scope : null;
            }
        }

        if (doubtful is not null)
        {
            return Unknown([_dmar.Table.At(doubtful.Offset)]);
        }

        foreach ((DmarUnit unit, FirmwareIommu iommu, _) in _units)
        {
            if (unit.Segment == segment && unit.IncludesAll)
            {
                return Path(iommu, requester, [iommu.Evidence]);
            }
        }

        return new FirmwarePath(IsKnown: true, null, 0, null, 0, [new Evidence(_dmar.Table.File)]);
    }

    private static FirmwarePath Path(FirmwareIommu iommu, RequesterId requester, IReadOnlyList<Evidence> rows) =>
        new(IsKnown: true, iommu, requester.Value, null, 0, rows);

    private DmarTarget Resolve(ushort segment, DmarScope scope)
    {
        byte bus = scope.StartBus;
        foreach ((byte device, byte function) in scope.Path.Take(scope.Path.Count - 1))
        {
            if (_bridges(new PciAddress(segment, bus, device, function)) is not { } buses)
            {
                Notes.Add(_dmar.Table.Note(scope.Offset, $"a device scope goes over the bridge {new PciAddress(segment, bus, device, function)}, whose bus numbers are not known"));
                return new DmarTarget(scope, null, null);
            }

            bus = buses.Secondary;
        }

        var address = new PciAddress(segment, bus, scope.Path[^1].Device, scope.Path[^1].Function);
        AcpiBridgeBuses? behind = _bridges(address);
        if (behind is null && scope.IsHierarchy)
        {
            Notes.Add(_dmar.Table.Note(scope.Offset, $"a device scope has what is behind the bridge {address}, whose bus numbers are not known"));
        }

        return new DmarTarget(scope, address, behind);
    }

    private void AddReserved(DmarReservedMemory memory)
    {
        DmarTarget[] targets = [.. memory.Scopes.Select(scope => Resolve(memory.Segment, scope))];
        if (targets.Length == 0)
        {
            Notes.Add(_dmar.Table.Note(memory.Offset, $"reserved memory at 0x{memory.Base:x} is of no PCI function, and is left out"));
            return;
        }

        var region = new ReservedRegion(new Iova(memory.Base), memory.Last - memory.Base + 1, ReservedRegionType.Direct);
        Reserved.Add(new FirmwareReservedMemory(region, new FunctionRanges(targets.SelectMany(static target => target.Ranges)), null, _dmar.Table.At(memory.Offset))
        {
            FunctionsAreKnown = targets.All(static target => target.IsKnown),
        });
    }
}
