using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Hosts.Acpi;

/// <summary>Ways on a machine with AMD-Vi: the IVHD whose device entries have the requester, under its own or an alias's ID.</summary>
internal sealed class AmdPaths : AcpiPaths
{
    /// <summary>Where the southbridge's I/O APIC sits, 00:14.0: Linux remaps no interrupt unless IVRS names it.</summary>
    private const ushort SouthbridgeIoApic = 0x14 << 3;

    private readonly IvrsTable _ivrs;
    private readonly List<(IvrsUnit Unit, FirmwareIommu Iommu)> _units = [];

    public AmdPaths(IvrsTable ivrs, MadtTable? madt)
    {
        _ivrs = ivrs;
        bool? remaps = RemapsInterrupts(madt);
        foreach (IvrsUnit unit in ivrs.Units)
        {
            var iommu = new FirmwareIommu
            {
                Name = Unique($"IVHD at 0x{unit.Base:x}", unit.Offset),
                Model = SmmuModel.AmdVi,
                Base = unit.Base,
                InterruptRemapping = remaps,
                InputBits = ivrs.VirtualAddressBits,
                Evidence = ivrs.Table.At(unit.Offset),
            };
            Iommus.Add(iommu);
            Segments.TryAdd(unit.Segment, iommu.Evidence);
            _units.Add((unit, iommu));
        }

        foreach (IvrsReservedMemory memory in ivrs.Reserved)
        {
            var region = new ReservedRegion(new Iova(memory.Base), memory.Size, ReservedRegionType.Direct); // excluded ranges as well: Linux maps them (init_unity_map_range)
            IReadOnlyList<PciAddress> functions = memory.Devices is { } ids ? new FunctionRanges([(memory.Segment, ids.First, ids.Last)]) : [];
            Reserved.Add(new FirmwareReservedMemory(region, functions, null, ivrs.Table.At(memory.Offset)));
        }
    }

    /// <inheritdoc/>
    public override FirmwarePath Find(ushort segment, RequesterId requester)
    {
        // What a later row says of a requester replaces what an earlier one said.
        for (int index = _units.Count - 1; index >= 0; index--)
        {
            (IvrsUnit unit, FirmwareIommu iommu) = _units[index];
            for (int row = unit.Entries.Count - 1; unit.Segment == segment && row >= 0; row--)
            {
                IvrsEntry entry = unit.Entries[row];
                if (entry.Covers(requester.Value))
                {
                    return new FirmwarePath(IsKnown: true, iommu, entry.Alias ?? requester.Value, null, 0, [iommu.Evidence, _ivrs.Table.At(entry.Offset)]);
                }
            }
        }

        return new FirmwarePath(IsKnown: true, null, 0, null, 0, [new Evidence(_ivrs.Table.File)]);
    }

    // The IOMMU can, always; Linux does only where it knows the ID of every I/O APIC's interrupts, the southbridge's among them.
    private bool? RemapsInterrupts(MadtTable? madt)
    {
        if (madt is null)
        {
            Notes.Add($"{_ivrs.Table.File}: whether interrupts are remapped is not known: that takes APIC, with the I/O APICs that IVRS must name.");
            return null;
        }

        Dictionary<byte, ushort> named = [];
        foreach (IvrsIoApic ioApic in _ivrs.Units.SelectMany(static unit => unit.IoApics))
        {
            named[ioApic.Id] = ioApic.Source;
        }

        foreach (MadtIoApic ioApic in madt.IoApics.Where(ioApic => !named.ContainsKey(ioApic.Id)))
        {
            Notes.Add(madt.Table.Note(ioApic.Offset, $"the I/O APIC {ioApic.Id} is not in {_ivrs.Table.File}: Linux remaps no interrupts then"));
            return false;
        }

        if (!madt.IoApics.Any(ioApic => named[ioApic.Id] == SouthbridgeIoApic))
        {
            Notes.Add($"{_ivrs.Table.File}: no I/O APIC at 00:14.0, the southbridge's: Linux remaps no interrupts then.");
            return false;
        }

        return true;
    }
}
