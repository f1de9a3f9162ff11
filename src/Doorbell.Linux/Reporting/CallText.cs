using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Uapi;
using Doorbell.Linux.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Linux.Reporting;

/// <summary>A client's call as a person writes it: <c>VFIO_IOMMU_MAP_DMA(container 1, {iova=0x10000, size=0x1000, vaddr=0x7f…, flags=Read|Write})</c>.</summary>
internal static class CallText
{
    /// <summary>The call's name: an ioctl's, or the system call's.</summary>
    internal static string NameOf(ClientCall call) => call.Kind switch
    {
        CallKind.Ioctl => call.File!.NameOf((uint)call.Request),
        CallKind.Read => "pread",
        CallKind.Write => "pwrite",
        CallKind.Map => "mmap",
        CallKind.Open => "open",
        _ => "a system call",
    };

    /// <summary>What it was asked of.</summary>
    internal static string SubjectOf(ClientCall call) => call.File?.Name ?? call.Node ?? "a file";

    /// <summary>The call with its arguments.</summary>
    internal static string Of(ClientCall call) => call.Kind switch
    {
        CallKind.Ioctl => $"{NameOf(call)}({call.File!.Name}{Arguments(call)})",
        CallKind.Read or CallKind.Write or CallKind.Map => string.Create(
            CultureInfo.InvariantCulture, $"{NameOf(call)}({call.File!.Name}, {Place(call)}, {call.Request} bytes)"),
        CallKind.Open => $"open({call.Node})",
        _ => NameOf(call),
    };

    /// <summary>A field of the argument structure as the call was answered by it; null where it was not read.</summary>
    internal static uint? Word(ClientCall call, int offset) =>
        call.ArgumentBytes.Length >= offset + 4 ? BinaryPrimitives.ReadUInt32LittleEndian(call.ArgumentBytes[offset..]) : null;

    private static string Place(ClientCall call)
    {
        if (call.File is not DeviceFile)
        {
            return $"offset 0x{call.Offset:x}";
        }

        (uint region, ulong at) = DeviceFile.Locate(call.Offset);
        return $"{NameOfRegion(region)}+0x{at:x}";
    }

    private static string NameOfRegion(uint region) => region switch
    {
        VfioRegionIndex.Config => "config",
        <= 5 => $"BAR{region}",
        6 => "ROM",
        _ => $"region {region}",
    };

    private static string Arguments(ClientCall call) => (uint)call.Request switch
    {
        VfioIoctl.IommuMapDma when call.File is ContainerFile => Structure(call, "flags", "vaddr*", "iova*", "size*"),
        VfioIoctl.IommuUnmapDma when call.File is ContainerFile => Structure(call, "flags", "iova*", "size*"),
        VfioIoctl.IommuGetInfo or VfioIoctl.IommuDirtyPages when call.File is ContainerFile => Structure(call, "flags"),
        VfioIoctl.CheckExtension or VfioIoctl.SetIommu => string.Create(CultureInfo.InvariantCulture, $", {call.Argument}"),
        VfioIoctl.GroupSetContainer => Word(call, 0) is { } fd ? string.Create(CultureInfo.InvariantCulture, $", fd {(int)fd}") : Pointer(call),
        VfioIoctl.GroupGetDeviceFd => Name(call),
        VfioIoctl.DeviceGetRegionInfo or VfioIoctl.DeviceGetIrqInfo when call.File is DeviceFile => Structure(call, "flags", "index"),
        VfioIoctl.DeviceSetIrqs => Structure(call, "flags", "index", "start", "count"),
        VfioIoctl.DeviceGetInfo or VfioIoctl.DeviceFeature or VfioIoctl.GroupGetStatus => Structure(call, "flags"),
        VfioIoctl.DeviceGetPciHotResetInfo or VfioIoctl.DevicePciHotReset => Structure(call, "flags", "count"),
        VfioIoctl.GetApiVersion or VfioIoctl.GroupUnsetContainer or VfioIoctl.DeviceReset => "",
        _ => Pointer(call),
    };

    // argsz first, then the fields, 32 bits each or (with a star) 64.
    private static string Structure(ClientCall call, params ReadOnlySpan<string> fields)
    {
        if (Word(call, 0) is not { } argsz)
        {
            return Pointer(call);
        }

        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $", {{argsz={argsz}");
        int offset = 4;
        foreach (string field in fields)
        {
            bool isLong = field.EndsWith('*');
            int size = isLong ? 8 : 4;
            if (call.ArgumentBytes.Length < offset + size)
            {
                break;
            }

            ulong value = isLong ? BinaryPrimitives.ReadUInt64LittleEndian(call.ArgumentBytes[offset..]) : BinaryPrimitives.ReadUInt32LittleEndian(call.ArgumentBytes[offset..]);
            text.Append(CultureInfo.InvariantCulture, $", {field.TrimEnd('*')}=");
            _ = field is "index" or "start" or "count"
                ? text.Append(CultureInfo.InvariantCulture, $"{value}")
                : text.Append(CultureInfo.InvariantCulture, $"0x{value:x}");
            offset += size;
        }

        return text.Append('}').ToString();
    }

    private static string Name(ClientCall call)
    {
        ReadOnlySpan<byte> bytes = call.ArgumentBytes;
        int end = bytes.IndexOf((byte)0);
        return bytes.IsEmpty ? Pointer(call) : $", \"{Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end])}\"";
    }

    private static string Pointer(ClientCall call) => $", 0x{call.Argument:x}";
}
