using Doorbell.Linux.Vfio;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Captures;

/// <summary>A device the client has open, and what it found in its configuration space.</summary>
internal sealed class CaptureDevice(DeviceFile file, string bdf, int firstEventFd)
{
    public DeviceFile File { get; } = file;

    public string Bdf { get; } = bdf;

    /// <summary>The client's eventfd of vector 0; the others follow.</summary>
    public int FirstEventFd { get; } = firstEventFd;

    /// <summary>The function as the board has it: what sysfs and QEMU's monitor show.</summary>
    public PciFunction Function => File.Device.Device.Function;

    /// <summary>Offset of the MSI capability, 0 for none.</summary>
    public int Msi { get; set; }

    /// <summary>Offset of the MSI-X capability, 0 for none.</summary>
    public int MsiX { get; set; }

    public int TableBar { get; set; }

    public uint TableOffset { get; set; }

    public int Vectors { get; set; }

    /// <summary>The index a careful driver arms: MSI-X, else MSI, else INTx.</summary>
    public uint BestIndex => MsiX != 0 ? VfioIrqIndex.MsiX : Msi != 0 ? VfioIrqIndex.Msi : VfioIrqIndex.Intx;
}
