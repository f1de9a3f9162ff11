namespace Doorbell.Devices;

/// <summary>
/// The identity Doorbell's own devices show. The PCI-SIG assigned vendor 0x1234 to nobody; virtual machines and teaching devices have used it for
/// decades (QEMU's docs/specs say so of its display and its edu device), so that no real driver claims it. Device ids 0xdb00 on are Doorbell's there.
/// </summary>
public static class DeviceIds
{
    /// <summary>Unassigned by the PCI-SIG, customary for experiments.</summary>
    public const ushort Vendor = 0x1234;

    /// <summary>pci-test.</summary>
    public const ushort PciTest = 0xdb01;

    /// <summary>nvme; drivers bind to its class.</summary>
    public const ushort Nvme = 0xdb02;

    /// <summary>A root port of a described machine.</summary>
    public const ushort RootPort = 0xdb10;

    /// <summary>The upstream port of a switch of a described machine.</summary>
    public const ushort UpstreamPort = 0xdb11;

    /// <summary>A downstream port of a switch of a described machine.</summary>
    public const ushort DownstreamPort = 0xdb12;

    /// <summary>A PCI Express to PCI bridge of a described machine.</summary>
    public const ushort PcieToPciBridge = 0xdb13;

    /// <summary>A conventional PCI bridge of a described machine.</summary>
    public const ushort PciBridge = 0xdb14;
}
