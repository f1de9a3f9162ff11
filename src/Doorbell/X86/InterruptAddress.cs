namespace Doorbell.X86;

/// <summary>The address range where x86 takes a device's write as an interrupt, and what the bits of such a write say (Intel SDM volume 3, 11.11; VT-d 5.1.2).</summary>
public static class InterruptAddress
{
    /// <summary>First byte of the range.</summary>
    public const ulong Base = 0xfee0_0000;

    /// <summary>Bytes of the range, to 0xFEEF_FFFF.</summary>
    public const ulong Size = 0x10_0000;

    /// <summary>Compatibility format: bits 19:12, the destination's APIC ID.</summary>
    public const int DestinationShift = 12;

    /// <summary>Compatibility format: bit 2, the destination is a logical one.</summary>
    public const ulong LogicalDestination = 1 << 2;

    /// <summary>Bit 4: the remappable format (VT-d 5.1.2.2).</summary>
    public const ulong Remappable = 1 << 4;

    /// <summary>Remappable format: bit 3, the data's low half is a subhandle (SHV).</summary>
    public const ulong SubhandleValid = 1 << 3;

    /// <summary>CPUs an 8-bit destination can name: 255 is everybody.</summary>
    public const int CompatibleCpus = 255;

    /// <summary>Compatibility format for one CPU, physical destination.</summary>
    public static PhysicalAddress Compatible(int cpu) => new(Base | ((ulong)(uint)cpu << DestinationShift));

    /// <summary>Remappable format with a subhandle in the data: handle bits 14:0 in address bits 19:5, bit 15 in bit 2.</summary>
    public static PhysicalAddress Handle(uint handle) => new(Base | ((handle & 0x7fff) << 5) | Remappable | SubhandleValid | ((handle >> 15) << 2));

    /// <summary>The handle of a remappable address.</summary>
    public static uint HandleOf(ulong offset) => (uint)((offset >> 5) & 0x7fff) | (uint)(((offset >> 2) & 1) << 15);
}
