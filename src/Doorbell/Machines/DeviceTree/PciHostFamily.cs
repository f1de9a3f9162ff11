namespace Doorbell.Machines.DeviceTree;

/// <summary>What a kind of PCI host is known for beyond what its node says.</summary>
/// <param name="Name">For people.</param>
/// <param name="HasRootBus">Its root bus is like any bus. Otherwise there is one root port on it, and one link behind that.</param>
/// <param name="OwnVectors">MSIs its own controller takes, where it has one; 0 where it has none.</param>
/// <param name="OwnByDefault">It uses its own controller unless the node has msi-parent or msi-map. Otherwise only where msi-parent is the node itself.</param>
/// <param name="BusShift">Bits of configuration space of a bus, where the registers are nothing but that; 0 where they are the controller's.</param>
internal sealed record PciHostFamily(string Name, bool HasRootBus, int OwnVectors = 0, bool OwnByDefault = false, int BusShift = 0)
{
    private static readonly PciHostFamily Ecam = new("ECAM", HasRootBus: true, BusShift: 20);
    private static readonly PciHostFamily Cam = new("CAM", HasRootBus: true, BusShift: 16);
    private static readonly PciHostFamily ThunderPem = new("ThunderX PEM", HasRootBus: false, BusShift: 24);

    // MAX_MSI_IRQS of the core is 256, and without another number from the SoC's part it takes MSI_DEF_NUM_VECTORS.
    private static readonly PciHostFamily DesignWare = new("DesignWare", HasRootBus: false, OwnVectors: 32, OwnByDefault: true);
    private static readonly PciHostFamily Tegra = new("Tegra", HasRootBus: false, OwnVectors: 256, OwnByDefault: true);
    private static readonly PciHostFamily RCar = new("R-Car", HasRootBus: false, OwnVectors: 32, OwnByDefault: true);
    private static readonly PciHostFamily MediaTek = new("MediaTek", HasRootBus: false, OwnVectors: 32, OwnByDefault: true);
    private static readonly PciHostFamily MediaTek3 = new("MediaTek Gen3", HasRootBus: false, OwnVectors: 256, OwnByDefault: true);
    private static readonly PciHostFamily Mobiveil = new("Mobiveil", HasRootBus: false, OwnVectors: 16, OwnByDefault: true);
    private static readonly PciHostFamily Broadcom = new("Broadcom STB", HasRootBus: false, OwnVectors: 32);
    private static readonly PciHostFamily Aardvark = new("Armada 3700", HasRootBus: false, OwnVectors: 32);
    private static readonly PciHostFamily Nwl = new("Xilinx NWL", HasRootBus: false, OwnVectors: 64);
    private static readonly PciHostFamily OneLink = new("one link", HasRootBus: false, OwnVectors: 32);

    // A trailing * stands for any rest; the first that fits counts.
    private static readonly (string Compatible, PciHostFamily Family)[] Known =
    [
        ("pci-host-cam-generic", Cam),
        ("cavium,pci-host-thunder-ecam", Ecam),
        ("cavium,pci-host-thunder-pem", ThunderPem),
        ("cavium,pci-thunder-*", Ecam),
        ("hisilicon,hip06-pcie-ecam", Ecam),
        ("hisilicon,hip07-pcie-ecam", Ecam),
        ("nvidia,tegra194-pcie*", DesignWare),
        ("nvidia,tegra234-pcie*", DesignWare),
        ("nvidia,tegra*-pcie", Tegra),
        ("renesas,r8a779*-pcie", DesignWare),
        ("renesas,pcie-*", RCar),
        ("fsl,lx2160a-pcie", Mobiveil),
        ("fsl,imx*-pcie", DesignWare),
        ("fsl,ls*-pcie", DesignWare),
        ("qcom,pcie-*", DesignWare),
        ("qcom,*-pcie", DesignWare),
        ("amlogic,*-pcie", DesignWare),
        ("hisilicon,*-pcie", DesignWare),
        ("marvell,armada8k-pcie", DesignWare),
        ("marvell,armada-3700-pcie", Aardvark),
        ("rockchip,rk3399-pcie", OneLink),
        ("rockchip,rk*-pcie", DesignWare),
        ("ti,am654-pcie-rc", DesignWare),
        ("ti,k2g-pcie", DesignWare),
        ("samsung,*-pcie", DesignWare),
        ("socionext,uniphier-pcie", DesignWare),
        ("toshiba,visconti-pcie", DesignWare),
        ("baikal,*-pcie", DesignWare),
        ("amazon,al-alpine-*", DesignWare),
        ("axis,artpec*-pcie", DesignWare),
        ("sophgo,*-pcie*", DesignWare),
        ("snps,dw-pcie*", DesignWare),
        ("brcm,bcm*-pcie", Broadcom),
        ("xlnx,nwl-pcie-*", Nwl),
        ("mediatek,mt8192-pcie", MediaTek3),
        ("mediatek,mt*-pcie", MediaTek),
        ("pci-host-ecam-generic", Ecam),
    ];

    /// <summary>The host's family: what its compatible strings name, the most specific first; one link behind a root port where none is known.</summary>
    public static PciHostFamily Of(DtNode host)
    {
        foreach (string compatible in host.Compatible)
        {
            foreach ((string pattern, PciHostFamily family) in Known)
            {
                if (Fits(compatible, pattern))
                {
                    return family;
                }
            }
        }

        return OneLink;
    }

    private static bool Fits(string compatible, string pattern)
    {
        int star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0)
        {
            return compatible == pattern;
        }

        // One star in the middle, and perhaps one more at the end.
        string rest = pattern[(star + 1)..];
        string tail = rest.TrimEnd('*');
        return compatible.Length >= star + tail.Length && compatible.StartsWith(pattern[..star], StringComparison.Ordinal)
            && (rest.EndsWith('*') ? compatible[star..].Contains(tail, StringComparison.Ordinal) : compatible[star..].EndsWith(tail, StringComparison.Ordinal));
    }
}
