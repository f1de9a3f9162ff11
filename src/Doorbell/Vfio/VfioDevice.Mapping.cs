using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <content>Regions that a client maps (T5).</content>
public sealed partial class VfioDevice
{
    private VfioRegionInfo[]? _barInfos;

    /// <summary>
    /// What the transport needs memory for: every part of a region that a client may map, offered or not, of whole pages of the computer. Region
    /// indexes are those of the BARs.
    /// </summary>
    public IReadOnlyList<PciMappableRange> MappableRanges => Function.MappableRanges(_host.Options.PageSize);

    /// <summary>Something of it is mapped: it wants to be polled.</summary>
    public bool IsMapped => Function.IsMapped;

    /// <summary>mmap of a region. Once it has succeeded, the pages show the registers and the device is to be polled until <see cref="Release"/>.</summary>
    /// <param name="index">Region.</param>
    /// <param name="offset">Bytes into it, a multiple of the page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="isShared">MAP_SHARED.</param>
    /// <param name="memory">The device's pages, one object for every call.</param>
    /// <returns>EINVAL as vfio-pci has it: a private mapping, no BAR, or not (all of it) mappable.</returns>
    public Result Map(uint index, ulong offset, ulong length, bool isShared, IPciSharedMemory memory)
    {
        if (!isShared)
        {
            return RefuseMap("a region is mapped shared (MAP_SHARED): a private copy would never reach the device");
        }

        if (index >= (uint)Function.Bars.Count || Function.Bars[(int)index] is not { } bar)
        {
            return RefuseMap($"region {index} cannot be mapped: BARs can");
        }

        if (offset > bar.Size || length > PagesUp(bar.Size) - offset)
        {
            return RefuseMap($"0x{offset:x} + 0x{length:x} is past the end of region {index} (0x{bar.Size:x} bytes)");
        }

        List<PciMappableRange> touched = [.. MappableRanges.Where(range => range.Bar == (int)index && range.Offset < offset + length && offset < range.End)];
        ulong covered = 0;
        foreach (PciMappableRange range in touched)
        {
            covered += Math.Min(range.End, offset + length) - Math.Max(range.Offset, offset);
        }

        if (covered < length || length == 0)
        {
            return RefuseMap($"0x{offset:x} + 0x{length:x} of region {index} is trapped, and not mappable (VFIO_DEVICE_GET_REGION_INFO says what is)");
        }

        foreach (PciMappableRange range in touched)
        {
            Function.Map(range, memory);
        }

        _host.Mapped(Function);
        return Result.Ok;
    }

    /// <summary>Does what the client's stores into mapped pages ask for (<see cref="PciFunction.Poll"/>): for a thread of the device's own.</summary>
    public bool Poll() => Function.Poll();

    /// <summary>The same between two trapped calls.</summary>
    public void Synchronize() => Function.Synchronize();

    // Asked for with every access.
    private VfioRegionInfo InfoOf(int bar) => (_barInfos ??= [.. Function.Bars.Select(each => each is null ? default : DescribeBar(each))])[bar];

    private VfioRegionInfo DescribeBar(PciBar bar)
    {
        VfioMappableArea[] areas =
        [
            .. MappableRanges.Where(range => range.Bar == bar.Index && range.IsOffered).Select(static range => new VfioMappableArea(range.Offset, range.Length)),
        ];
        if (areas.Length == 0)
        {
            return new VfioRegionInfo(bar.Size, true, true);
        }

        bool isWhole = areas is [{ Offset: 0 } only] && only.Size == PagesUp(bar.Size);
        return new VfioRegionInfo(
            bar.Size, true, true, Mappable: true, isWhole ? null : areas, MsiXMappable: isWhole && Function.MsiX is { } msiX && msiX.TableBar == bar.Index);
    }

    private Result RefuseMap(string reason) => _host.Refuse("mmap", Name, Errno.EINVAL, "T5", reason);

    private ulong PagesUp(ulong size) => (size + _host.Options.PageSize - 1) & ~(_host.Options.PageSize - 1);
}
