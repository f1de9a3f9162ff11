namespace Doorbell.Pci;

/// <summary>Offsets of the configuration header, in bytes (PCI Local Bus 3.0 6.1, PCIe base 7.5.1).</summary>
public static class PciHeader
{
    /// <summary>Vendor ID, 16 bits.</summary>
    public const int VendorId = 0x00;

    /// <summary>Device ID, 16 bits.</summary>
    public const int DeviceId = 0x02;

    /// <summary>Command, 16 bits: <see cref="PciCommand"/>.</summary>
    public const int Command = 0x04;

    /// <summary>Status, 16 bits: <see cref="PciStatus"/>.</summary>
    public const int Status = 0x06;

    /// <summary>Revision ID, 8 bits.</summary>
    public const int RevisionId = 0x08;

    /// <summary>Class code, 24 bits.</summary>
    public const int ClassCode = 0x09;

    /// <summary>Cache line size, 8 bits.</summary>
    public const int CacheLineSize = 0x0c;

    /// <summary>Latency timer, 8 bits.</summary>
    public const int LatencyTimer = 0x0d;

    /// <summary>Header type, 8 bits; <see cref="MultifunctionBit"/> in bit 7.</summary>
    public const int HeaderType = 0x0e;

    /// <summary>The first base address register; the others follow, four bytes each.</summary>
    public const int Bar0 = 0x10;

    /// <summary>Subsystem vendor ID, type 0, 16 bits.</summary>
    public const int SubsystemVendorId = 0x2c;

    /// <summary>Subsystem ID, type 0, 16 bits.</summary>
    public const int SubsystemId = 0x2e;

    /// <summary>Expansion ROM base address, type 0, 32 bits.</summary>
    public const int RomAddress = 0x30;

    /// <summary>Where the capability list starts, 8 bits.</summary>
    public const int CapabilitiesPointer = 0x34;

    /// <summary>Interrupt line, 8 bits: software's scratch.</summary>
    public const int InterruptLine = 0x3c;

    /// <summary>Interrupt pin, 8 bits: 0 none, 1 to 4 INTA to INTD.</summary>
    public const int InterruptPin = 0x3d;

    /// <summary>Type 1: primary bus number, 8 bits.</summary>
    public const int PrimaryBus = 0x18;

    /// <summary>Type 1: secondary bus number, 8 bits.</summary>
    public const int SecondaryBus = 0x19;

    /// <summary>Type 1: highest bus number below, 8 bits.</summary>
    public const int SubordinateBus = 0x1a;

    /// <summary>Type 1: secondary latency timer, 8 bits.</summary>
    public const int SecondaryLatencyTimer = 0x1b;

    /// <summary>Type 1: I/O base, 8 bits; limit follows.</summary>
    public const int IoBase = 0x1c;

    /// <summary>Type 1: secondary status, 16 bits.</summary>
    public const int SecondaryStatus = 0x1e;

    /// <summary>Type 1: memory base, 16 bits; limit follows at + 2.</summary>
    public const int MemoryBase = 0x20;

    /// <summary>Type 1: prefetchable memory base, 16 bits; limit follows at + 2.</summary>
    public const int PrefetchableBase = 0x24;

    /// <summary>Type 1: upper halves of prefetchable base and limit, 32 bits each.</summary>
    public const int PrefetchableBaseUpper = 0x28;

    /// <summary>Type 1: upper halves of I/O base and limit, 16 bits each.</summary>
    public const int IoBaseUpper = 0x30;

    /// <summary>Type 1: bridge control, 16 bits.</summary>
    public const int BridgeControl = 0x3e;

    /// <summary>Where the header ends and capabilities may start.</summary>
    public const int End = 0x40;

    /// <summary>Bytes of a conventional function's configuration space.</summary>
    public const int ConventionalSize = 256;

    /// <summary>Bytes of a PCI Express function's configuration space; extended capabilities start at <see cref="ConventionalSize"/>.</summary>
    public const int ExpressSize = 4096;

    /// <summary>Header type of an endpoint.</summary>
    public const byte TypeEndpoint = 0;

    /// <summary>Header type of a PCI-to-PCI bridge.</summary>
    public const byte TypeBridge = 1;

    /// <summary>In <see cref="HeaderType"/>: the device has more than one function.</summary>
    public const byte MultifunctionBit = 0x80;

    /// <summary>BARs of an endpoint.</summary>
    public const int EndpointBars = 6;

    /// <summary>BARs of a bridge.</summary>
    public const int BridgeBars = 2;
}
