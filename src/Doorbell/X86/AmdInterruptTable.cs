using Doorbell.Gic;
using Doorbell.Interrupts;

namespace Doorbell.X86;

/// <summary>A device's own interrupt remapping table (AMD I/O Virtualization Technology, 2.2.5): only its writes are looked up there.</summary>
internal sealed class AmdInterruptTable(DeviceId device, int entries) : IrqDeviceContext
{
    private readonly RemapEntry?[] _entries = new RemapEntry?[entries];

    public DeviceId Device => device;

    public AlignedIdAllocator Indexes { get; } = new(0, (uint)entries);

    /// <summary>Functions that arrive as this device.</summary>
    public int Users { get; set; } = 1;

    public int Length => _entries.Length;

    public RemapEntry? Read(uint index) => Volatile.Read(ref _entries[index]);

    public void Write(uint index, RemapEntry? entry) => Volatile.Write(ref _entries[index], entry);
}
