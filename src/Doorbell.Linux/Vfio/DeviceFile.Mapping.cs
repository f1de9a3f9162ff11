using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <content>Regions that clients map (T5).</content>
internal sealed partial class DeviceFile
{
    private FileMemory? _memory;

    internal override IReadOnlyList<FileRange> MappableRanges { get; } =
        [.. device.MappableRanges.Select(static range => new FileRange(OffsetOf((uint)range.Bar) + range.Offset, range.Length))];

    internal override object Identity => device.Device;

    internal override void Attach(FileMemory memory) => _memory = memory;

    internal override CallOutcome? Map(ulong offset, ulong length, bool isShared)
    {
        if (_memory is not { } memory)
        {
            return null;
        }

        ulong page = (ulong)Environment.SystemPageSize;
        if (length == 0 || length > ulong.MaxValue - page || (offset & (page - 1)) != 0)
        {
            return CallOutcome.Fail(Errno.EINVAL); // mmap(2) itself
        }

        (uint region, ulong at) = Locate(offset);
        Result mapped = device.Map(region, at, (length + page - 1) & ~(page - 1), isShared, new RegionMemory(memory));
        if (!mapped.IsOk)
        {
            return CallOutcome.Fail(mapped.Errno, mapped.Reason);
        }

        memory.Poller ??= new DevicePoller(device);
        return CallOutcome.Pass;
    }

    internal override void Release()
    {
        if (_memory is { Poller: { } poller } memory)
        {
            memory.Poller = null;
            poller.Dispose();
        }

        device.Release();
    }

    /// <summary>
    /// The structure and, where argsz says there is room, the capabilities behind it; where there is not, argsz says what is wanted
    /// (Documentation/driver-api/vfio.rst, struct vfio_region_info).
    /// </summary>
    private static CallOutcome WriteRegionInfo(ClientCall call, ulong argument, ref VfioRegionInfoArgs args, in VfioRegionInfo region)
    {
        int head = Unsafe.SizeOf<VfioRegionInfoArgs>();
        byte[] capabilities = region.MappableAreas is { } areas ? SparseAreas(areas) : region.MsiXMappable ? Capability(VfioCapabilityHeader.MsiXMappable, 0) : [];
        args.Flags |= region.Mappable ? VfioRegionInfoArgs.FlagMmap : 0;
        args.CapOffset = 0;
        if (capabilities.Length != 0)
        {
            args.Flags |= VfioRegionInfoArgs.FlagCaps;
            uint wanted = (uint)(head + capabilities.Length);
            if (args.Argsz < wanted)
            {
                args.Argsz = wanted;
            }
            else
            {
                args.CapOffset = (uint)head;
                if (!call.TryWrite(argument + (ulong)head, capabilities))
                {
                    return CallOutcome.Fail(Errno.EFAULT);
                }
            }
        }

        return Write(call, argument, in args);
    }

    // struct vfio_region_info_cap_sparse_mmap: the header, how many areas (4), reserved (4), the areas.
    private static byte[] SparseAreas(IReadOnlyList<VfioMappableArea> areas)
    {
        const int CountAndReserved = 8;
        const int AreaSize = 16;
        byte[] capability = Capability(VfioCapabilityHeader.SparseMmap, CountAndReserved + (areas.Count * AreaSize));
        Span<byte> rest = capability.AsSpan(Unsafe.SizeOf<VfioCapabilityHeader>());
        MemoryMarshal.Write(rest, areas.Count);
        rest = rest[CountAndReserved..];
        foreach (VfioMappableArea area in areas)
        {
            MemoryMarshal.Write(rest, area.Offset);
            MemoryMarshal.Write(rest[8..], area.Size);
            rest = rest[AreaSize..];
        }

        return capability;
    }

    // The only one, so that its place in the chain need not be known.
    private static byte[] Capability(ushort id, int content)
    {
        byte[] capability = new byte[Unsafe.SizeOf<VfioCapabilityHeader>() + content];
        MemoryMarshal.Write(capability, new VfioCapabilityHeader { Id = id, Version = 1 });
        return capability;
    }
}
