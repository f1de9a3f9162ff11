namespace Doorbell.Hosts;

/// <summary>A line of a function's <c>resource</c> file.</summary>
/// <param name="Index">Its line: 0 to 5 the BARs, 6 the ROM, then (of a bridge) the windows.</param>
/// <param name="Start">First address.</param>
/// <param name="Last">Last address, inclusive.</param>
/// <param name="Flags">The kernel's IORESOURCE_ bits (linux/ioport.h).</param>
public readonly record struct HostResource(int Index, ulong Start, ulong Last, ulong Flags)
{
    /// <summary>IORESOURCE_MEM: memory and not ports.</summary>
    public bool IsMemory => (Flags & 0x200) != 0;
}
