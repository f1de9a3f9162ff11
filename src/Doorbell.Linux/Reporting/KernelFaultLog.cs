using System.Globalization;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Linux.Reporting;

/// <summary>
/// A fault as the driver of the unit logs it: what somebody who knows dmesg looks for. SMMUv3's lines are those of Linux 7.3 (captures, msi:A.*),
/// the others' those of their drivers' fault handlers.
/// </summary>
internal static class KernelFaultLog
{
    private const ulong ClassIn = 2UL << 40; // SMMUv3 event record, CLASS in bits 105:104: the input address was at fault
    private const ulong ReadNotWrite = 1UL << 35; // SMMUv3 event record, RnW in bit 99
    private const int RecordLines = 5;
    private const uint FormatAarch64 = 2 << 9; // SMMU_CBn_FSR.FORMAT
    private const uint WriteNotRead = 1 << 4; // SMMU_CBn_FSYNR0.WNR

    /// <summary>The lines; none where the unit logs none.</summary>
    /// <param name="fault">What happened.</param>
    /// <param name="model">The unit's kind.</param>
    /// <param name="client">The device, as Linux names it.</param>
    internal static IReadOnlyList<string> Lines(IommuFaultEvent fault, IommuModel? model, string client)
    {
        bool isWrite = fault.Direction == "write";
        return model?.Name switch
        {
            "smmu-v3" => SmmuV3(fault, client, isWrite),
            "smmu-v2" or "mmu-500" or "mmu-401" => [SmmuV2(fault, isWrite)],
            "vt-d" => [string.Create(CultureInfo.InvariantCulture, $"DMAR: [DMA {(isWrite ? "Write" : "Read")} NO_PASID] Request device [{Short(fault.Stream)}] fault addr 0x{fault.Iova.Value & ~0xffful:x} [fault reason 0x{fault.Code:x2}] {VtdReason(fault.Code)}")],
            "amd-vi" => [string.Create(CultureInfo.InvariantCulture, $"{AmdVi(fault, client, isWrite)}")],
            _ => [],
        };
    }

    /// <summary>Without SMMUv3's raw record: what a person at a terminal reads.</summary>
    internal static IEnumerable<string> WithoutRecord(IReadOnlyList<string> lines) => lines.Skip(lines.Count > RecordLines ? RecordLines : 0);

    private static string[] SmmuV3(IommuFaultEvent fault, string client, bool isWrite)
    {
        if (fault.Code == 0)
        {
            return []; // an STE that says abort records nothing
        }

        string unit = $"arm-smmu-v3 {fault.Iommu}:";
        ulong first = ((ulong)fault.Stream.Value << 32) | fault.Code;
        ulong second = fault.Reason == IommuFaultReason.BadStream ? 0 : ClassIn | (isWrite ? 0 : ReadNotWrite);
        ulong third = fault.Reason == IommuFaultReason.BadStream ? 0 : fault.Iova.Value;
        string[] record =
        [
            string.Create(CultureInfo.InvariantCulture, $"{unit} event 0x{fault.Code:x2} received:"),
            $"{unit} \t0x{first:x16}",
            $"{unit} \t0x{second:x16}",
            $"{unit} \t0x{third:x16}",
            $"{unit} \t0x{0:x16}",
        ];
        string sid = $"{unit} event: {fault.ReasonName} client: {client} sid: {fault.Stream} ssid: 0x0";
        return fault.Reason == IommuFaultReason.BadStream
            ? [.. record, sid]
            : [.. record, $"{sid} iova: {fault.Iova} ipa: 0x0", $"{unit} unpriv data {fault.Direction} s1 \"Input address caused fault\" stag: 0x0"];
    }

    private static string SmmuV2(IommuFaultEvent fault, bool isWrite)
    {
        uint syndrome = isWrite ? WriteNotRead : 0;
        return fault.Reason is IommuFaultReason.BadStream or IommuFaultReason.Blocked
            ? string.Create(CultureInfo.InvariantCulture, $"arm-smmu {fault.Iommu}: Unexpected global fault, GFSR 0x{(1u << 31) | fault.Code:x8}, GFSYNR0 0x{(isWrite ? 2u : 0):x8}, GFSYNR1 0x{fault.Stream.Value:x8}, GFSYNR2 0x00000000")
            : string.Create(CultureInfo.InvariantCulture, $"arm-smmu {fault.Iommu}: Unhandled context fault: fsr=0x{FormatAarch64 | fault.Code:x}, iova=0x{fault.Iova.Value:x8}, fsynr=0x{syndrome:x}, cbfrsynra=0x{fault.Stream.Value:x}");
    }

    private static string AmdVi(IommuFaultEvent fault, string client, bool isWrite)
    {
        const uint Write = 0x20; // EVENT_FLAG_RW
        const uint Present = 0x10;
        uint flags = (isWrite ? Write : 0) | (fault.Reason == IommuFaultReason.Permission ? Present : 0);
        string what = fault.Reason == IommuFaultReason.BadStream ? "ILLEGAL_DEV_TABLE_ENTRY" : "IO_PAGE_FAULT";
        return $"AMD-Vi: Event logged [{what} device={client} address=0x{fault.Iova.Value:x} flags=0x{flags:x4}]";
    }

    private static string VtdReason(uint code) => code switch
    {
        0x02 => "Present bit in context entry is clear",
        0x03 => "Invalid context entry",
        0x04 => "Access beyond MGAW",
        0x05 => "PTE Write access is not set",
        _ => "PTE Read access is not set",
    };

    // bus:device.function out of a source ID
    private static string Short(StreamId stream) => $"{(stream.Value >> 8) & 0xff:x2}:{(stream.Value >> 3) & 0x1f:x2}.{stream.Value & 7}";
}
