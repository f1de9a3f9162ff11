using System.Globalization;
using Doorbell.Iommu;
using Doorbell.Machines;

namespace Doorbell.Hosts;

/// <summary>A host's IOMMU groups, from <c>/sys/kernel/iommu_groups</c>.</summary>
internal static class HostGroupReader
{
    // Linux's second choice, where the first is taken (drivers/iommu, MSI_IOVA_BASE2).
    private const ulong SecondWindow = 0xa000_0000;

    /// <summary>Null where the source does not say whether there are any.</summary>
    public static IReadOnlyList<HostGroup>? Read(HostReading reading, HostKernel kernel, MachineArchitecture? architecture, IReadOnlyList<HostFunction> functions)
    {
        HostFileStatus status = reading.Files.StatusOf(HostPaths.IommuGroups);
        if (status == HostFileStatus.Missing && kernel.Configuration is { } configuration && !configuration.ContainsKey("CONFIG_IOMMU_API"))
        {
            return [];
        }

        if (status != HostFileStatus.Read)
        {
            reading.Miss("its IOMMU groups", HostPaths.IommuGroups, HostReading.RemedyFor(status, HostRemedies.CaptureAgain));
            return null;
        }

        int left = HostLimits.Members;
        var groups = new List<HostGroup>();
        foreach (string name in reading.List(HostPaths.IommuGroups, HostLimits.Functions))
        {
            string folder = $"{HostPaths.IommuGroups}/{name}";
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                groups.Add(ReadGroup(reading, architecture, number, folder, ref left));
            }
            else
            {
                reading.Miss($"what {folder} is: expected a number", folder, "nothing yet");
            }
        }

        groups.Sort(static (left, right) => left.Number.CompareTo(right.Number));
        Compare(reading, groups, functions);
        return groups;
    }

    private static HostGroup ReadGroup(HostReading reading, MachineArchitecture? architecture, int number, string folder, ref int left)
    {
        var members = new List<PciAddress>();
        var others = new List<string>();
        foreach (string device in left > 0 ? reading.List(folder + "/devices", left) : [])
        {
            left--;
            if (PciAddress.TryParse(device, out PciAddress address))
            {
                members.Add(address);
            }
            else
            {
                others.Add(device.Length > HostLimits.NameLength ? device[..HostLimits.NameLength] : device);
            }
        }

        members.Sort();
        return new HostGroup(number, reading.Text(folder + "/type"), members, others, ReadRegions(reading, architecture, folder + "/reserved_regions"), new Evidence(folder))
        {
            Name = reading.Text(folder + "/name") is { Length: > 0 } name ? name : null,
        };
    }

    private static List<ReservedRegion>? ReadRegions(HostReading reading, MachineArchitecture? architecture, string file)
    {
        if (reading.Lines(file) is not { } lines)
        {
            reading.Miss($"the reserved regions in {file}", file, HostReading.RemedyFor(reading.Files.StatusOf(file), HostRemedies.CaptureAgain));
            return null;
        }

        if (lines.Length > HostLimits.Regions)
        {
            reading.Miss($"the reserved regions in {file}: it has {lines.Length} lines, and no kernel writes more than {HostLimits.Regions} there", file, HostRemedies.CaptureAgain);
            return null;
        }

        var regions = new List<ReservedRegion>();
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
            {
                continue;
            }

            if (TryReadRegion(lines[i], architecture, out ReservedRegion region))
            {
                regions.Add(region);
            }
            else
            {
                reading.Malformed(file, i + 1, "\"first last type\", of type direct, direct-relaxable, reserved or msi");
            }
        }

        return regions;
    }

    // iommu_group_show_resv_regions: "0x0000000008000000 0x00000000080fffff msi".
    private static bool TryReadRegion(string line, MachineArchitecture? architecture, out ReservedRegion region)
    {
        region = default;
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [{ } first, { } second, { } word]
            || !HostReading.TryHex(first, out ulong start) || !HostReading.TryHex(second, out ulong last) || last < start || (start == 0 && last == ulong.MaxValue))
        {
            return false;
        }

        ReservedRegionType? type = word switch
        {
            "direct" => ReservedRegionType.Direct,
            "direct-relaxable" => ReservedRegionType.DirectRelaxable,
            "reserved" => ReservedRegionType.Reserved,
            "msi" => MsiTypeOf(start, last - start + 1, architecture),
            _ => null,
        };
        region = new ReservedRegion(new Iova(start), last - start + 1, type ?? default);
        return type is not null;
    }

    // Both kinds are printed alike. The software window is 1 MiB at one of two places; a hardware one is an ITS's page, or x86's.
    private static ReservedRegionType MsiTypeOf(ulong start, ulong size, MachineArchitecture? architecture)
    {
        ReservedRegion window = ReservedRegion.DefaultSoftwareMsi;
        bool isWindow = size == window.Size && (start == window.Base.Value || start == SecondWindow);
        return isWindow && architecture != MachineArchitecture.X86 ? ReservedRegionType.SoftwareMsi : ReservedRegionType.Msi;
    }

    // The links of the functions and those of the groups are two sides of one thing; a capture in which they differ was changed, or taken while they did.
    private static void Compare(HostReading reading, List<HostGroup> groups, IReadOnlyList<HostFunction> functions)
    {
        var members = new HashSet<(PciAddress Address, int Group)>(groups.SelectMany(static group => group.Members.Select(member => (member, group.Number))));
        foreach (HostFunction function in functions)
        {
            if (function.Group is { } number && !members.Contains((function.Address, number)))
            {
                reading.Miss($"whose group {function.Address} is in: its link says {number}, and group {number} does not have it", function.Evidence.File + "/iommu_group", HostRemedies.CaptureAgain);
            }
        }
    }
}
