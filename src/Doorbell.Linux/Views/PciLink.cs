using System.Numerics;
using Doorbell.Pci;

namespace Doorbell.Linux.Views;

/// <summary>A function's link as sysfs words it (pci_speed_string, pcie_get_speed_cap).</summary>
/// <param name="MaxSpeed">What the link can do.</param>
/// <param name="MaxWidth">Lanes it can have; 255 where there is no link.</param>
/// <param name="Speed">What it does.</param>
/// <param name="Width">Lanes it has.</param>
internal readonly record struct PciLink(string MaxSpeed, int MaxWidth, string Speed, int Width)
{
    private const int WidthUnknown = 255;

    private static readonly string[] s_speeds =
        ["Unknown", "2.5 GT/s PCIe", "5.0 GT/s PCIe", "8.0 GT/s PCIe", "16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe"];

    /// <summary>The link of a function with this capability; functions of the root complex have none, and Linux reads zeros there.</summary>
    internal static PciLink Of(PciFunction function, PciExpressCapability express)
    {
        if (express.Type is PciExpressType.RootComplexIntegratedEndpoint or PciExpressType.RootComplexEventCollector)
        {
            return new PciLink(s_speeds[0], WidthUnknown, s_speeds[0], 0);
        }

        PciConfigSpace config = function.Config;
        uint capabilities = config.Read32(express.Offset + PciExpressCapability.LinkCapabilities);
        ushort status = config.Read16(express.Offset + PciExpressCapability.LinkStatus);

        // Link capabilities 2 has a bit for each speed, from bit 1 up (7.5.3.18); before version 2 the number of the highest stands alone.
        uint supported = express.Length >= PciExpressCapability.Size ? (config.Read32(express.Offset + PciExpressCapability.LinkCapabilities2) >> 1) & 0x7f : 0;
        int highest = supported != 0 ? BitOperations.Log2(supported) + 1 : (int)(capabilities & 0xf);
        int width = (int)(capabilities >> 4) & 0x3f;
        return new PciLink(SpeedOf(highest), width == 0 ? WidthUnknown : width, SpeedOf(status & 0xf), (status >> 4) & 0x3f);
    }

    private static string SpeedOf(int number) => s_speeds[number < s_speeds.Length ? number : 0];
}
