using Doorbell.Linux.Supervision;
using Doorbell.Pci;

namespace Doorbell.Linux.Vfio;

/// <summary>The mappable parts of a device's regions, in the memory of its file.</summary>
internal sealed class RegionMemory(FileMemory memory) : IPciSharedMemory
{
    public void Read(int bar, ulong offset, Span<byte> destination) => memory.Read(DeviceFile.OffsetOf((uint)bar) + offset, destination);

    public void Write(int bar, ulong offset, ReadOnlySpan<byte> source) => memory.Write(DeviceFile.OffsetOf((uint)bar) + offset, source);
}
