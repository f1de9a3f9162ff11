using System.Globalization;
using System.Numerics;
using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>The parts of a machine, out of what a host's firmware says of each requester's way.</summary>
internal sealed class HostMachineParts(HostFacts facts, IFirmware firmware, List<string> notes)
{
    private const string Apic = "apic";
    private const ulong TranslaterOffset = GicV3ItsDescription.TranslationFrameOffset + GicV3ItsDescription.TranslaterOffset;
    private const ulong Megabyte = 1 << 20;

    // What QEMU's frame has; a frame says it in a register (MSI_TYPER), which no file shows.
    private const uint AssumedSpi = 80, AssumedSpis = 64;

    public MachineDescription Describe()
    {
        bool isX86 = firmware.Architecture == MachineArchitecture.X86;
        List<PciHostDescription> hosts = [.. RootBuses().Select(root => Host(root.Segment, root.First, root.Last, isX86))];
        notes.Add("Assumed, as no file of a host says it: one CPU.");
        return new MachineDescription
        {
            Name = facts.Name,
            Title = facts.Name,
            Architecture = firmware.Architecture,
            Cpus = 1,
            Memory = [.. (facts.Kernel.IoMemory ?? []).Where(static range => range is { Depth: 0, Name: "System RAM" }).Select(static range => new MemoryRange(new PhysicalAddress(range.Start), range.Last - range.Start + 1))],
            MsiControllers = isX86 ? [new ApicDescription { Name = Apic }] : [.. firmware.MsiControllers.Select(controller => Controller(controller, hosts)).OfType<MsiControllerDescription>()],
            Iommus = [.. firmware.Iommus.Select(iommu => Iommu(iommu, hosts))],
            PciHosts = hosts,
        };
    }

    // A bus that no bridge leads to is a root; it has the numbers up to the next one.
    private IEnumerable<(ushort Segment, byte First, byte Last)> RootBuses()
    {
        foreach (IGrouping<ushort, HostFunction> segment in facts.Functions.GroupBy(static function => function.Address.Segment))
        {
            byte[] roots = [.. segment.Where(static function => function.Parent is null).Select(static function => function.Address.Bus).Distinct().Order()];
            for (int i = 0; i < roots.Length; i++)
            {
                yield return (segment.Key, roots[i], i + 1 < roots.Length ? (byte)(roots[i + 1] - 1) : byte.MaxValue);
            }
        }
    }

    private PciHostDescription Host(ushort segment, byte first, byte last, bool isX86)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"pci{segment:x4}:{first:x2}");
        (IdMap iommus, IdMap controllers) = Maps(segment, first, last);
        return new PciHostDescription
        {
            Name = name,
            Segment = segment,
            FirstBus = first,
            LastBus = last,
            Ecam = Ecam(name, segment, first, last),
            Windows = Windows(name, segment, first, last),
            IommuMap = iommus,
            MsiMap = isX86 ? IdMap.Identity(Apic) : controllers,
        };
    }

    // Each requester ID of the buses that are in use is asked for; neighbours that go the same way are a row.
    private (IdMap Iommus, IdMap Controllers) Maps(ushort segment, byte first, byte last)
    {
        var iommus = new List<IdMapEntry>();
        var controllers = new List<IdMapEntry>();
        int unknown = 0;
        foreach (byte bus in facts.Functions.Where(function => function.Address.Segment == segment && function.Address.Bus >= first && function.Address.Bus <= last)
            .Select(static function => function.Address.Bus).Distinct().Order())
        {
            for (int devfn = 0; devfn <= byte.MaxValue; devfn++)
            {
                ushort requester = (ushort)(bus << 8 | devfn);
                FirmwarePath path = firmware.FindPath(new PciAddress(segment, first, 0, 0), new RequesterId(requester));
                unknown += path.IsKnown ? 0 : 1;
                Add(iommus, requester, path.Iommu?.Name, path.StreamId);
                Add(controllers, requester, path.Controller?.Name, path.DeviceId);
            }
        }

        if (unknown > 0)
        {
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"Of {unknown} requester IDs below pci{segment:x4}:{first:x2} the firmware says nothing: no IOMMU and no MSI controller is put before them."));
        }

        return (new IdMap(iommus), new IdMap(controllers));
    }

    private static void Add(List<IdMapEntry> map, ushort requester, string? target, uint output)
    {
        if (target is null)
        {
            return;
        }

        if (map.Count > 0 && map[^1] is { } before && before.Target == target && before.RidBase + before.Length == requester && before.OutputBase + before.Length == output)
        {
            map[^1] = before with { Length = before.Length + 1 };
        }
        else
        {
            map.Add(new IdMapEntry(requester, target, output, 1));
        }
    }

    private MsiControllerDescription? Controller(FirmwareMsiController controller, List<PciHostDescription> hosts)
    {
        if (controller.Doorbell is not { } doorbell)
        {
            notes.Add($"Left out: MSI controller {controller.Name}, whose doorbell is not known.");
            return null;
        }

        switch (controller.Kind)
        {
            case FirmwareMsiKind.Its when doorbell >= TranslaterOffset:
                return new GicV3ItsDescription
                {
                    Name = controller.Name,
                    Base = new PhysicalAddress(doorbell - TranslaterOffset),
                    DeviceIdBits = Math.Max(16, BitsFor(hosts.Select(static host => host.MsiMap), controller.Name)),
                };
            case FirmwareMsiKind.GicV2m or FirmwareMsiKind.Mbi when doorbell >= GicV2mFrameDescription.SetSpiOffset:
                notes.Add($"Assumed, as only a register says it: {controller.Name} has SPIs {AssumedSpi} to {AssumedSpi + AssumedSpis - 1}.");
                return new GicV2mDescription
                {
                    Name = controller.Name,
                    IsMessageBasedSpi = controller.Kind == FirmwareMsiKind.Mbi,
                    MsiFrames = [new GicV2mFrameDescription(new PhysicalAddress(doorbell - GicV2mFrameDescription.SetSpiOffset), AssumedSpi, AssumedSpis)],
                };
            default:
                notes.Add($"Left out: MSI controller {controller.Name}, which is none that is modelled.");
                return null;
        }
    }

    private IommuDescription Iommu(FirmwareIommu iommu, List<PciHostDescription> hosts)
    {
        bool isX86 = iommu.Model is SmmuModel.VtD or SmmuModel.AmdVi;
        if (iommu.InputBits is null)
        {
            notes.Add($"Assumed, as only a register says it: {iommu.Name} translates 48 bits.");
        }

        int bits = BitsFor(hosts.Select(static host => host.IommuMap), iommu.Name);
        return new IommuDescription
        {
            Name = iommu.Name,
            Model = iommu.Model,
            Product = iommu.Product,
            Registers = new MemoryRange(new PhysicalAddress(iommu.Base), isX86 ? 0x1000u : 0x2_0000u),
            Granules = isX86 ? [0x1000] : [0x1000, 0x4000, 0x1_0000],
            InputBits = iommu.InputBits is >= 32 and <= 52 and int input ? input : 48,
            StreamIdBits = bits > 16 ? bits : null,
            HardwareMsi = isX86 ? [] : [.. (iommu.ReservedRegions ?? []).Where(static region => region.Type == Doorbell.Iommu.ReservedRegionType.Msi)],
            InterruptRemapping = isX86 && iommu.InterruptRemapping == true && !IsRemappingOff(),
        };
    }

    // How wide IDs are says a register (SMMU_IDR1.SIDSIZE, GITS_TYPER.Devbits); they are as wide as firmware needs them.
    private static int BitsFor(IEnumerable<IdMap> maps, string target) => 64 - BitOperations.LeadingZeroCount(
        maps.SelectMany(static map => map.Entries).Where(entry => entry.Target == target).Select(static entry => (ulong)entry.OutputBase + entry.Length - 1).DefaultIfEmpty().Max());

    // Documentation/admin-guide/kernel-parameters: intremap=off, nointremap.
    private bool IsRemappingOff() => (facts.Kernel.CommandLine ?? "").Split(' ').Any(static word => word is "nointremap" || (word.StartsWith("intremap=", StringComparison.Ordinal) && word[9..].Split(',').Contains("off")));

    // "PCI ECAM 0000 [bus 00-ff]", "PCI MMCONFIG 0000 [bus 00-ff]", or on Arm "PCI ECAM" alone.
    private MemoryRange Ecam(string name, ushort segment, byte first, byte last)
    {
        string number = segment.ToString("x4", CultureInfo.InvariantCulture);
        foreach (HostIoMemory range in facts.Kernel.IoMemory ?? [])
        {
            if (range.Name == "PCI ECAM" || range.Name.StartsWith($"PCI ECAM {number} ", StringComparison.Ordinal) || range.Name.StartsWith($"PCI MMCONFIG {number} ", StringComparison.Ordinal))
            {
                return new MemoryRange(new PhysicalAddress(range.Start), range.Last - range.Start + 1);
            }
        }

        notes.Add($"Assumed: the configuration space of {name} lies above everything else.");
        return new MemoryRange(new PhysicalAddress(0xfe_0000_0000_00), (ulong)(last - first + 1) * Megabyte);
    }

    // The outermost "PCI Bus SSSS:BB" of the map; without root it is zeros, and then the windows are where the functions are.
    private List<PciWindowDescription> Windows(string name, ushort segment, byte first, byte last)
    {
        string bus = string.Create(CultureInfo.InvariantCulture, $"PCI Bus {segment:x4}:{first:x2}");
        var windows = new List<MemoryRange>();
        foreach (HostIoMemory range in (facts.Kernel.IoMemory ?? []).Where(range => range.Name == bus && range.Start != 0))
        {
            var window = new MemoryRange(new PhysicalAddress(range.Start), range.Last - range.Start + 1);
            if (!windows.Exists(window.Overlaps))
            {
                windows.Add(window);
            }
        }

        if (windows.Count == 0)
        {
            IEnumerable<HostResource> memory = facts.Functions.Where(function => function.Address.Segment == segment && function.Address.Bus >= first && function.Address.Bus <= last)
                .SelectMany(static function => function.Resources).Where(static resource => resource is { IsMemory: true, Start: > 0 });
            foreach (IGrouping<bool, HostResource> half in memory.GroupBy(static resource => resource.Start > uint.MaxValue))
            {
                ulong start = half.Min(static resource => resource.Start) & ~(Megabyte - 1), end = half.Max(static resource => resource.Last) | (Megabyte - 1);
                windows.Add(new MemoryRange(new PhysicalAddress(start), end - start + 1));
            }

            notes.Add($"Assumed: the windows of {name} are where its functions' BARs are.");
        }

        return [.. windows.Select(static window => new PciWindowDescription(window, window.Base.Value))];
    }
}
