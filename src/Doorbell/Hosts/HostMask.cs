using System.Buffers.Binary;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>Takes out of a host's files what says whose machine it is: serial numbers, MAC addresses, seeds, and of the command line all that has nothing to do with devices. docs/capture.md has the list.</summary>
public static class HostMask
{
    private const byte VitalProductData = 0x03; // capability ID (PCI Local Bus 3.0, appendix H)
    private const ushort DeviceSerialNumber = 0x0003; // extended capability ID (PCIe base 7.9.3)

    private static readonly string[] KeptNames =
    [
        "amd_iommu", "amd_iommu_intr", "default_hugepagesz", "hugepages", "hugepagesz", "intel_iommu", "intremap", "iommu", "nointremap", "pci",
    ];

    private static readonly string[] KeptBeginnings = ["arm-smmu", "arm_smmu", "iommu.", "iommufd", "irqchip", "kvm", "pcie_", "vfio"];

    /// <summary>A file as it may be shown to a stranger.</summary>
    /// <param name="path">Which of <see cref="HostInventory"/>'s it is.</param>
    /// <param name="content">Its content; may be changed in place.</param>
    /// <returns>Null where it cannot be told what of it to take out: then it is left out.</returns>
    public static byte[]? Apply(string path, byte[] content)
    {
        switch (path)
        {
            case HostPaths.CommandLine:
                return Encoding.UTF8.GetBytes(CommandLine(Encoding.UTF8.GetString(content).Trim()) + "\n");
            case HostPaths.Version:
                return Encoding.UTF8.GetBytes(Version(Encoding.UTF8.GetString(content)));
            case HostPaths.Modules:
                return Encoding.UTF8.GetBytes(Modules(Encoding.UTF8.GetString(content)));
            case HostPaths.Interrupts:
                return Encoding.UTF8.GetBytes(InterruptChips.Mask(Encoding.UTF8.GetString(content)));
            case HostPaths.AuxiliaryVector:
                return PageSize(content);
            case HostPaths.DeviceTree:
                return DeviceTreeMask.Apply(content) ? content : null;
            default:
                if (path.StartsWith("/sys/", StringComparison.Ordinal) && path.EndsWith("/config", StringComparison.Ordinal))
                {
                    Config(content);
                }

                return content;
        }
    }

    /// <summary>A command line with only those parameters that decide about devices; each other one is <c>*</c>.</summary>
    public static string CommandLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(static word => IsKept(word) ? word : "*"));

    /// <summary>Zeroes a function's serial number, and what was read last of its vital product data.</summary>
    public static void Config(Span<byte> config)
    {
        if (HostCapabilities.Find(config, VitalProductData) is > 0 and int data)
        {
            config[Math.Min(data + 2, config.Length)..Math.Min(data + 8, config.Length)].Clear();
        }

        if (HostCapabilities.FindExtended(config, DeviceSerialNumber) is > 0 and int serial)
        {
            config[Math.Min(serial + 4, config.Length)..Math.Min(serial + 12, config.Length)].Clear();
        }
    }

    /// <summary>Whether a word of a command line is shown.</summary>
    internal static bool IsKept(string word)
    {
        string name = word.IndexOf('=', StringComparison.Ordinal) is >= 0 and int equals ? word[..equals] : word;
        return KeptNames.Contains(name) || Array.Exists(KeptBeginnings, beginning => name.StartsWith(beginning, StringComparison.Ordinal));
    }

    // "Linux version 7.3.4 (user@machine) (gcc …": who built it and where is nobody's business.
    private static string Version(string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal), close = open < 0 ? -1 : text.IndexOf(')', open);
        return close > 0 && text[open..close].Contains('@', StringComparison.Ordinal) ? $"{text[..open]}(*{text[close..]}" : text;
    }

    // Names only: the rest are users and addresses.
    private static string Modules(string text)
    {
        var names = new StringBuilder();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            names.Append(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal) is > 0 and int end ? end : line.Length)).Append('\n');
        }

        return names.ToString();
    }

    // Of the reader's own auxiliary vector the page size alone, and the pair of zeros that ends it; the others are its addresses.
    private static byte[] PageSize(ReadOnlySpan<byte> vector)
    {
        byte[] kept = new byte[32];
        for (; vector.Length >= 16; vector = vector[16..])
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(vector) == HostPageSize.AtPageSize)
            {
                vector[..16].CopyTo(kept);
                break;
            }
        }

        return kept;
    }
}
