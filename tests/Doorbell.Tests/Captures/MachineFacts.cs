using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;

namespace Doorbell.Tests.Captures;

/// <summary>
/// What a look from outside saw while a call was made, in words that both sides can say: doorbell pages mapped and unmapped in an IOMMU domain,
/// and commands to the ITS. Linux's come from its tracepoints and QEMU's, ours from the event stream.
/// </summary>
internal static partial class MachineFacts
{
    public const string Doorbells = "doorbells";

    public const string Its = "its";

    public const string Writes = "translater_writes";

    public const string Faults = "faults";

    /// <summary>The ITS commands compared. INV and SYNC carry no fact of their own; MOVI, ICIDs and INTIDs follow the kernel's choice of a CPU.</summary>
    public static bool IsCompared(ItsOpcode opcode) => opcode is ItsOpcode.Mapd or ItsOpcode.Mapti or ItsOpcode.Discard;

    /// <summary>Adds what happened on our machine.</summary>
    public static void Add(JsonObject record, IReadOnlyList<MachineEvent> events)
    {
        var doorbells = new JsonArray();
        var its = new JsonArray();
        var writes = new JsonArray();
        var faults = new JsonArray();
        foreach (MachineEvent happened in events)
        {
            switch (happened)
            {
                case IommuMapEvent map when (map.Protection & IommuProtection.Mmio) != 0:
                    doorbells.Add($"map {JsonFields.Hex(map.Iova.Value)} -> {JsonFields.Hex(map.PhysicalAddress.Value)} size {JsonFields.Hex(map.Size)} prot {JsonFields.Hex((ulong)map.Protection)}");
                    break;
                case ItsCommandEvent { Error: ItsCommandError.None } command when IsCompared(command.Command.Opcode):
                    its.Add(WithoutChoices(command.Command.ToString()));
                    break;
                case MsiWritten written when written.Target.StartsWith("its", StringComparison.Ordinal):
                    AddOnce(writes, $"offset {JsonFields.Hex(written.Address.Value & 0xffff)} data {JsonFields.Hex(written.Data)} from {JsonFields.Hex(written.RequesterId.Value)}");
                    break;
                case IommuFaultEvent fault:
                    faults.Add($"{fault.ReasonName} stream {JsonFields.Hex(fault.Stream.Value)} iova {JsonFields.Hex(fault.Iova.Value)}");
                    break;
            }
        }

        AddLists(record, doorbells, its, writes, faults);
    }

    /// <summary>Turns a captured record's trace into the same words.</summary>
    public static void Normalise(JsonObject record)
    {
        var doorbells = new JsonArray();
        foreach (string line in Lines(record, "trace"))
        {
            if (KernelMap().Match(line) is { Success: true } map)
            {
                doorbells.Add($"map {map.Groups[1].Value} -> {map.Groups[2].Value} size {map.Groups[3].Value} prot {map.Groups[4].Value}");
            }
        }

        var its = new JsonArray();
        var writes = new JsonArray();
        foreach (string line in Lines(record, "qemu"))
        {
            if (ItsCommand().Match(line) is { Success: true } command)
            {
                its.Add(WithoutChoices(command.Groups[1].Value));
            }
            else if (TranslaterWrite().Match(line) is { Success: true } write)
            {
                AddOnce(writes, $"offset {write.Groups[1].Value} data {write.Groups[2].Value} from {write.Groups[3].Value}");
            }
        }

        // An attached stream's faults are in the kernel's log; what a blocked one sends is aborted without an event (STE.Config), and QEMU says so.
        var faults = new JsonArray();
        foreach (string line in Lines(record, "qemu"))
        {
            if (SmmuAbort().Match(line) is { Success: true } abort)
            {
                faults.Add($"STE.Config abort stream {abort.Groups[1].Value} iova {abort.Groups[2].Value}");
            }
        }

        foreach (string line in Lines(record, "kmsg"))
        {
            if (SmmuEvent().Match(line) is { Success: true } fault)
            {
                faults.Add($"{fault.Groups[1].Value} stream {fault.Groups[2].Value} iova {fault.Groups[3].Value}");
            }
        }

        AddLists(record, doorbells, its, writes, faults);
    }

    private static void AddLists(JsonObject record, JsonArray doorbells, JsonArray its, JsonArray writes, JsonArray faults)
    {
        foreach ((string key, JsonArray list) in new[] { (Doorbells, doorbells), (Its, its), (Writes, writes), (Faults, faults) })
        {
            if (list.Count != 0)
            {
                record.Add(key, list);
            }
        }
    }

    // QEMU's e1000e sends one interrupt's message more than once.
    private static void AddOnce(JsonArray list, string text)
    {
        if (list.Count == 0 || list[^1]!.GetValue<string>() != text)
        {
            list.Add(text);
        }
    }

    private static string WithoutChoices(string command) => Choices().Replace(command, string.Empty);

    private static IEnumerable<string> Lines(JsonObject record, string key) =>
        record[key]?.AsArray().Select(static line => line!.GetValue<string>()) ?? [];

    // Device memory has the protection bit 0x10 (IOMMU_MMIO).
    [GeneratedRegex("k_iommu_map: .*iova=(0x[0-9a-f]+) pa=(0x[0-9a-f]+) size=(0x[0-9a-f]+) prot=(0x1[0-9a-f])$")]
    private static partial Regex KernelMap();

    [GeneratedRegex("gicv3_its_cmd_.* command ((MAPD|MAPTI|DISCARD) .*)$")]
    private static partial Regex ItsCommand();

    [GeneratedRegex("gicv3_its_translation_write .* offset (0x[0-9a-f]+) data (0x[0-9a-f]+) size 4 requester_id (0x[0-9a-f]+)")]
    private static partial Regex TranslaterWrite();

    [GeneratedRegex("smmuv3_translate_abort .* sid=(0x[0-9a-f]+) abort on iova:(0x[0-9a-f]+)")]
    private static partial Regex SmmuAbort();

    [GeneratedRegex("arm-smmu-v3 .* event: (F_[A-Z_]+) client: .* sid: (0x[0-9a-f]+) ssid: .* iova: (0x[0-9a-f]+)")]
    private static partial Regex SmmuEvent();

    [GeneratedRegex(" (ITT_addr|ICID|pINTID) 0x[0-9a-f]+")]
    private static partial Regex Choices();
}
