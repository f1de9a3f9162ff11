using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>What the ITS's driver keeps a DeviceID: its ITT's size, its range of LPIs, its EventIDs (struct its_device). Functions behind one DeviceID share it.</summary>
internal sealed class ItsDevice(DeviceId id, int size, PhysicalAddress itt, uint firstLpi, uint lpis) : IrqDeviceContext
{
    public DeviceId Id { get; } = id;

    /// <summary>MAPD's Size.</summary>
    public int Size { get; } = size;

    /// <summary>The memory of its ITT.</summary>
    public PhysicalAddress Itt { get; } = itt;

    public ulong IttSize => (2UL << Size) * ItsBaser.EntrySize;

    public uint FirstLpi { get; } = firstLpi;

    public uint Lpis { get; } = lpis;

    public AlignedIdAllocator Events { get; } = new(0, lpis);

    public int Users { get; set; } = 1;
}
