using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Vfio;

namespace Doorbell.Linux.Vfio;

/// <summary>One open of /dev/vfio/vfio: argument structures in, <see cref="VfioContainer"/>, structures out.</summary>
internal sealed partial class ContainerFile(VfioContainer container, ClientAddressSpaces spaces) : ClientFile
{
    private const int InfoMinimum = 16; // up to iova_pgsizes
    private const int InfoWithPages = 20; // the series' own structure
    private const int CapabilityAlignment = 8;

    internal VfioContainer Container => container;

    internal override string Name => container.Name;

    internal override CallOutcome Ioctl(ClientCall call, uint request, ulong argument) => request switch
    {
        VfioIoctl.GetApiVersion => CallOutcome.Of(VfioContainer.ApiVersion),
        VfioIoctl.CheckExtension => CallOutcome.Of(container.CheckExtension(argument)),
        VfioIoctl.SetIommu => container.SetIommu(argument).Outcome(),

        // What is left belongs to the IOMMU backend; a container without one says EINVAL to all of it.
        _ when !container.HasIommu => CallOutcome.Fail(Errno.EINVAL),
        VfioIoctl.IommuGetInfo => GetInfo(call, argument),
        VfioIoctl.IommuMapDma => Map(call, argument),
        VfioIoctl.IommuUnmapDma => Unmap(call, argument),
        VfioIoctl.IommuDirtyPages => DirtyPages(call, argument),
        _ => CallOutcome.Fail(Errno.ENOTTY),
    };

    internal override string NameOf(uint request) => VfioIoctl.NameOnContainer(request);

    internal override void Release() => container.Release();

    private CallOutcome GetInfo(ClientCall call, ulong argument)
    {
        // Old clients know the structure without the capabilities' offset: only what they have room for is touched.
        Span<byte> head = stackalloc byte[Unsafe.SizeOf<VfioType1InfoArgs>()];
        head.Clear();
        if (!call.TryRead(argument, head[..InfoMinimum]))
        {
            return CallOutcome.Fail(Errno.EFAULT);
        }

        uint argsz = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (argsz < InfoMinimum)
        {
            return CallOutcome.Fail(Errno.EINVAL);
        }

        Result<Type1Info> result = container.GetInfo();
        if (!result.IsOk)
        {
            return CallOutcome.Fail(result.Errno, result.Reason);
        }

        if (container.Uapi == VfioUapi.ReservedIovaV6)
        {
            return GiveV6(call, argument, argsz, result.Value);
        }

        byte[] capabilities = Capabilities(result.Value, (uint)head.Length);
        VfioType1InfoArgs info = new()
        {
            Argsz = argsz,
            Flags = VfioType1InfoArgs.FlagPageSizes | VfioType1InfoArgs.FlagCapabilities,
            PageSizes = result.Value.PageSizes,
        };
        if (argsz < head.Length + capabilities.Length)
        {
            info.Argsz = (uint)(head.Length + capabilities.Length);
        }
        else
        {
            info.CapOffset = (uint)head.Length;
            if (!call.TryWrite(argument + (ulong)head.Length, capabilities))
            {
                return CallOutcome.Fail(Errno.EFAULT);
            }
        }

        return call.TryWrite(argument, in info, (int)Math.Min(argsz, (uint)Unsafe.SizeOf<VfioType1InfoArgs>()))
            ? CallOutcome.Of(0)
            : CallOutcome.Fail(Errno.EFAULT);
    }

    // The series had no capabilities: the pages stand where mainline has their offset.
    private static CallOutcome GiveV6(ClientCall call, ulong argument, uint argsz, Type1Info result)
    {
        VfioType1InfoV6Args info = new()
        {
            Argsz = argsz,
            Flags = VfioType1InfoArgs.FlagPageSizes | (result.MsiRequirement is null ? 0 : VfioType1InfoV6Args.FlagRequireMsiMap),
            PageSizes = result.PageSizes,
            MsiIovaPages = result.MsiRequirement?.Pages ?? 0,
        };
        return call.TryWrite(argument, in info, argsz < InfoWithPages ? InfoMinimum : InfoWithPages)
            ? CallOutcome.Of(0)
            : CallOutcome.Fail(Errno.EFAULT);
    }

    // Dirty bitmaps, mappings still available, the usable ranges: the order the kernel chains them in.
    private static byte[] Capabilities(Type1Info info, uint start)
    {
        int header = Unsafe.SizeOf<VfioCapabilityHeader>();
        int migration = header + (3 * sizeof(ulong));
        int available = Align(header + sizeof(uint));
        byte[] bytes = new byte[migration + available + header + 8 + (16 * info.UsableRanges.Count)];
        Span<byte> rest = bytes;
        VfioCapabilityHeader dirty = new() { Id = VfioCapabilityHeader.Migration, Version = 1, Next = start + (uint)migration };
        MemoryMarshal.Write(rest, in dirty);
        BinaryPrimitives.WriteUInt64LittleEndian(rest[(header + 8)..], info.DirtyPageSize);
        BinaryPrimitives.WriteUInt64LittleEndian(rest[(header + 16)..], Type1Info.MaxDirtyBitmapBytes);

        rest = rest[migration..];
        VfioCapabilityHeader first = new() { Id = VfioCapabilityHeader.DmaAvailable, Version = 1, Next = dirty.Next + (uint)available };
        MemoryMarshal.Write(rest, in first);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[header..], info.MappingsAvailable);

        rest = rest[available..];
        VfioCapabilityHeader second = new() { Id = VfioCapabilityHeader.IovaRange, Version = 1 };
        MemoryMarshal.Write(rest, in second);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[header..], (uint)info.UsableRanges.Count);
        rest = rest[(header + 8)..];
        foreach (IovaRange range in info.UsableRanges)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, range.First.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(rest[8..], range.Last.Value);
            rest = rest[16..];
        }

        return bytes;
    }

    private CallOutcome Map(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioDmaMapArgs map, out CallOutcome refusal))
        {
            return refusal;
        }

        return spaces.Of(call, out Errno failure) is { } memory
            ? container.MapDma((VfioMapFlags)map.Flags, map.VirtualAddress, new Iova(map.Iova), map.Size, memory).Outcome()
            : CallOutcome.Fail(failure, failure == Errno.EFAULT ? null : "doorbell has no descriptor left for the process's memory (its hard limit of open files, ulimit -Hn, is reached)");
    }

    private CallOutcome Unmap(ClientCall call, ulong argument)
    {
        if (!call.TryReadArgs(argument, out VfioDmaUnmapArgs unmap, out CallOutcome refusal))
        {
            return refusal;
        }

        VfioUnmapFlags flags = (VfioUnmapFlags)unmap.Flags;
        VfioBitmapArgs bitmap = default;
        if (flags == VfioUnmapFlags.GetDirtyBitmap && !TryReadTail(call, argument, unmap.Argsz, Unsafe.SizeOf<VfioDmaUnmapArgs>(), out bitmap, out refusal))
        {
            return refusal;
        }

        bool wantsDirty = flags == VfioUnmapFlags.GetDirtyBitmap;
        if (wantsDirty && !IsUserRange(bitmap))
        {
            return CallOutcome.Fail(Errno.EINVAL, "the bitmap lies where no program has memory");
        }

        VfioDirtyBitmap? dirty = wantsDirty ? BitmapOf(call, new Iova(unmap.Iova), bitmap) : null;
        Result<ulong> result = container.UnmapDma(flags, new Iova(unmap.Iova), unmap.Size, dirty);
        if (!result.IsOk)
        {
            return CallOutcome.Fail(result.Errno, result.Reason);
        }

        unmap.Size = result.Value;
        return call.TryWrite(argument, in unmap, Unsafe.SizeOf<VfioDmaUnmapArgs>()) ? CallOutcome.Of(0) : CallOutcome.Fail(Errno.EFAULT);
    }

    private static int Align(int size) => (size + CapabilityAlignment - 1) & ~(CapabilityAlignment - 1);
}
