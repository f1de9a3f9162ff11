using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Doorbell.Pci;

namespace Doorbell.Hosts;

/// <summary>A host's PCI functions, from <c>/sys/bus/pci/devices</c>.</summary>
internal static class HostFunctionReader
{
    // From Linux 5.15 on the file is there exactly where the function can be reset (drivers/pci/pci.c, pci_dev_reset_method_attr_is_visible).
    private static readonly Version WithResetMethods = new(5, 15);

    private static readonly SearchValues<char> VersionCharacters = SearchValues.Create("0123456789.");

    public static IReadOnlyList<HostFunction> Read(HostReading reading, HostKernel kernel)
    {
        HostFileStatus status = reading.Files.StatusOf(HostPaths.PciDevices);
        if (status != HostFileStatus.Read)
        {
            reading.Miss("its PCI functions", HostPaths.PciDevices, HostReading.RemedyFor(status, "a kernel with CONFIG_PCI, or a capture of one"));
            return [];
        }

        var functions = new List<HostFunction>();
        bool knowsResets = VersionOf(kernel.Release) >= WithResetMethods;
        foreach (string name in reading.List(HostPaths.PciDevices, HostLimits.Functions))
        {
            if (PciAddress.TryParse(name, out PciAddress address))
            {
                functions.Add(ReadFunction(reading, address, $"{HostPaths.PciDevices}/{name}", knowsResets));
            }
            else
            {
                reading.Miss($"what {name} is: expected an address, as in 0000:01:00.0 (segments above ffff, those of a VMD, are not read)", $"{HostPaths.PciDevices}/{name}", "nothing yet");
            }
        }

        functions.Sort(static (left, right) => left.Address.CompareTo(right.Address));
        MissShortConfigs(reading, functions);
        return PciParents.Fill(functions);
    }

    /// <summary>The numbers a release begins with; 0.0 where it does not.</summary>
    internal static Version VersionOf(string? release)
    {
        ReadOnlySpan<char> digits = release ?? "";
        int end = digits.IndexOfAnyExcept(VersionCharacters);
        return Version.TryParse((end < 0 ? digits : digits[..end]).TrimEnd('.'), out Version? version) ? version : new Version(0, 0);
    }

    private static HostFunction ReadFunction(HostReading reading, PciAddress address, string folder, bool knowsResets)
    {
        HostFileStatus configStatus = reading.Files.TryRead(folder + "/config", out byte[] config);
        if (configStatus != HostFileStatus.Read || config.Length > PciHeader.ExpressSize)
        {
            reading.Miss($"the configuration space of {address}", folder + "/config", HostReading.RemedyFor(configStatus, HostRemedies.CaptureAgain));
            config = [];
        }

        return new HostFunction
        {
            Address = address,
            Evidence = new Evidence(folder),
            VendorId = (ushort)(Number(reading, folder + "/vendor", 0xffff) ?? Word(config, PciHeader.VendorId)),
            DeviceId = (ushort)(Number(reading, folder + "/device", 0xffff) ?? Word(config, PciHeader.DeviceId)),
            ClassCode = (uint)(Number(reading, folder + "/class", 0xff_ffff) ?? ((uint)Word(config, PciHeader.ClassCode + 1) << 8 | Byte(config, PciHeader.ClassCode))),
            Config = config,
            Driver = reading.LinkName(folder + "/driver"),
            DriverKnown = reading.Files.StatusOf(folder) == HostFileStatus.Read,
            Group = int.TryParse(reading.LinkName(folder + "/iommu_group"), NumberStyles.None, CultureInfo.InvariantCulture, out int group) ? group : null,
            Resources = ReadResources(reading, folder + "/resource"),
            ResetMethods = ReadResetMethods(reading, folder + "/reset_method", knowsResets),
            NumaNode = int.TryParse(reading.Text(folder + "/numa_node"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int node) ? node : null,
            Parent = PciParents.FromLink(reading.Files.ReadLink(folder)),
        };
    }

    private static ulong? Number(HostReading reading, string file, ulong most)
    {
        if (reading.Text(file) is not { } text)
        {
            return null;
        }

        if (HostReading.TryHex(text, out ulong value) && value <= most)
        {
            return value;
        }

        reading.Malformed(file, 1, $"a number of at most 0x{most:x}");
        return null;
    }

    private static ushort Word(byte[] config, int offset) => config.Length >= offset + 2 ? BinaryPrimitives.ReadUInt16LittleEndian(config.AsSpan(offset)) : (ushort)0;

    private static byte Byte(byte[] config, int offset) => config.Length > offset ? config[offset] : (byte)0;

    private static string[]? ReadResetMethods(HostReading reading, string file, bool knowsResets) => reading.Files.TryRead(file, out _) switch
    {
        HostFileStatus.Read => reading.Text(file)?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
        HostFileStatus.Missing when knowsResets => [],
        _ => null,
    };

    private static List<HostResource> ReadResources(HostReading reading, string file)
    {
        var resources = new List<HostResource>();
        string[] lines = reading.Lines(file) ?? [];
        if (lines.Length > HostLimits.Resources)
        {
            reading.Miss($"all of {file}: of {lines.Length} lines the first {HostLimits.Resources} are read", file, HostRemedies.CaptureAgain);
        }

        for (int i = 0; i < Math.Min(lines.Length, HostLimits.Resources); i++)
        {
            if (lines[i].Split(' ') is [{ } first, { } second, { } third] && HostReading.TryHex(first, out ulong start) && HostReading.TryHex(second, out ulong last)
                && HostReading.TryHex(third, out ulong flags) && last >= start)
            {
                if (flags != 0)
                {
                    resources.Add(new HostResource(i, start, last, flags));
                }
            }
            else
            {
                reading.Malformed(file, i + 1, "\"first last flags\"");
            }
        }

        return resources;
    }

    // One sentence for all of them: without root it is every function.
    private static void MissShortConfigs(HostReading reading, List<HostFunction> functions)
    {
        List<HostFunction> shorts = functions.FindAll(static function => function.Config.Length > 0 && !HostCapabilities.Read(function).IsComplete);
        if (shorts is [HostFunction first, ..])
        {
            string whose = shorts.Count == 1 ? $"{first.Address}" : string.Create(CultureInfo.InvariantCulture, $"{first.Address} and {shorts.Count - 1} more");
            reading.Miss($"the capabilities of {whose} (MSI, MSI-X, ACS): {first.Config.Length} bytes of configuration space could be read", first.Evidence.File + "/config", HostRemedies.RunAsRoot);
        }
    }
}
