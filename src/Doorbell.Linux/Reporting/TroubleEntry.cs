using System.Globalization;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Linux.Supervision;
using Doorbell.Linux.Vfio;
using Doorbell.Pci;

namespace Doorbell.Linux.Reporting;

/// <summary>Makes a report's entry of an event, and knows which events are one entry.</summary>
internal static class TroubleEntry
{
    private const string KeepMapped = "map what the device is told to use (VFIO_IOMMU_MAP_DMA) before it is told, and keep it mapped until it is done";
    private const string Arm = "arm the vector with VFIO_DEVICE_SET_IRQS before the device raises it, and leave the device's message to the host";

    /// <summary>Events of one key are one entry: the same thing, again. An address does not tell faults apart, or a device that strays would fill the report.</summary>
    internal static string KeyOf(MachineEvent trouble, MachineNames names) => trouble switch
    {
        Refusal refusal => $"r{refusal.Operation}\n{refusal.Subject}\n{(int)refusal.Errno}\n{refusal.Reason}",
        InterruptLost lost => $"l{lost.Device}\n{lost.Vector}\n{lost.Cause}\n{lost.Reason}",
        MsiRefusedEvent refused => $"m{refused.Controller}\n{refused.Requester}\n{refused.DeviceId}\n{refused.Reason}",
        IommuFaultEvent fault => $"f{fault.Iommu}\n{fault.Stream}\n{fault.Direction}\n{fault.ReasonName}",
        BusAbort abort => $"a{abort.Device}\n{abort.IsWrite}\n{abort.Reason}",
        PciTransactionRefused refused => $"p{refused.Function}\n{refused.Reason}",
        _ => $"o{trouble}",
    };

    /// <summary>The entry.</summary>
    /// <param name="trouble">The event.</param>
    /// <param name="names">The machine's devices.</param>
    /// <param name="call">The call that was refused; null where it was none.</param>
    /// <param name="time">Nanoseconds since the run began.</param>
    internal static Trouble Of(MachineEvent trouble, MachineNames names, ClientCall? call, long time) => trouble switch
    {
        Refusal refusal => OfRefusal(refusal, call, time),
        InterruptLost lost => OfLost(lost, time),
        MsiRefusedEvent refused => OfRefused(refused, names, time),
        IommuFaultEvent fault => OfFault(fault, names, time),
        BusAbort abort => OfFault(
            time, abort.Device, "bus abort", abort.IsWrite ? "write" : "read", abort.Iova.Value, null, abort.Reason,
            "keep memory the program's for as long as it is mapped for a device: VFIO_IOMMU_UNMAP_DMA first, munmap(2) then", [("pa", $"{abort.Address}")], []),
        PciTransactionRefused refused => OfFault(time, refused.Function.ToString(), "transaction not sent", null, refused.Detail, null, refused.Why, refused.Remedy, [], []),
        _ => throw new ArgumentOutOfRangeException(nameof(trouble), trouble.Kind, "no trouble that a report knows"),
    };

    /// <summary>What the kernel would log of a fault; nothing of anything else.</summary>
    internal static IReadOnlyList<string> KernelLogOf(MachineEvent trouble, MachineNames names) => trouble is IommuFaultEvent fault
        ? KernelFaultLog.Lines(fault, names.ModelOf(fault.Iommu), names.Of(fault.Iommu, fault.Stream) ?? "(unassigned sid)")
        : [];

    private static Trouble OfRefusal(Refusal refusal, ClientCall? call, long time)
    {
        Asker? asker = call is null ? null : Asker.Of(call.Tid);
        return new Trouble
        {
            Kind = TroubleKind.Refusal,
            FirstTime = time,
            LastTime = time,
            Asker = asker,
            Call = call is null ? null : CallText.Of(call),
            What = refusal.Operation,
            Subject = refusal.Subject,
            Device = call?.File is DeviceFile file ? file.Device.Name : PciAddress.TryParse(refusal.Subject, out _) ? refusal.Subject : null,
            Errno = refusal.Errno,
            Rule = refusal.Rule,
            Reason = refusal.Reason,
            Remedy = refusal.Remedy,
            Severity = refusal.Severity,
            Sentence = TroubleText.Of(refusal, asker),
        };
    }

    private static Trouble OfLost(InterruptLost lost, long time) => OfInterrupt(
        time, lost.Device, lost.Vector, lost.Cause.ToString(), lost.Rule, lost.Reason, lost.Remedy, lost.Severity, []);

    private static Trouble OfRefused(MsiRefusedEvent refused, MachineNames names, long time) => OfInterrupt(
        time, names.Of(refused.Requester), null, "Refused", "N4", $"{refused.Controller} refused the message: {refused.Reason}", Arm, TroubleSeverity.Error,
        [("controller", refused.Controller), ("requester", $"{refused.Requester}"), ("device_id", $"{refused.DeviceId}"), ("data", $"0x{refused.Data:x}")]);

    private static Trouble OfInterrupt(
        long time, string device, int? vector, string cause, string? rule, string reason, string? remedy, TroubleSeverity severity, IReadOnlyList<(string, string)> details)
    {
        string subject = vector is null ? device : string.Create(CultureInfo.InvariantCulture, $"{device} vector {vector}");
        return new Trouble
        {
            Kind = TroubleKind.LostInterrupt,
            FirstTime = time,
            LastTime = time,
            What = "lost interrupt",
            Subject = subject,
            Device = device,
            Vector = vector,
            Rule = rule,
            Reason = reason,
            Remedy = remedy,
            Severity = severity,
            Details = [("cause", cause), .. details],
            Sentence = TroubleText.Sentence($"an interrupt of {subject} was lost", reason, remedy, rule),
        };
    }

    private static Trouble OfFault(IommuFaultEvent fault, MachineNames names, long time)
    {
        string device = names.Of(fault.Iommu, fault.Stream) ?? $"stream {fault.Stream} of {fault.Iommu}";
        string why = fault.Reason switch
        {
            IommuFaultReason.Translation => "nothing is mapped there for it",
            IommuFaultReason.Permission => $"what is mapped there allows no {fault.Direction}",
            IommuFaultReason.AddressSize => "the address is wider than the IOMMU's",
            IommuFaultReason.BadStream => $"{fault.Iommu} knows no such stream",
            _ => "its domain lets nothing through: the device is attached to no container",
        };
        return OfFault(
            time, device, "IOMMU fault", fault.Direction, fault.Iova.Value, "I10", $"{why} ({fault.Iommu}: {fault.ReasonName})", KeepMapped,
            [("iommu", fault.Iommu), ("stream", $"{fault.Stream}"), ("fault", fault.ReasonName), ("code", $"0x{fault.Code:x}")], KernelLogOf(fault, names));
    }

    private static Trouble OfFault(
        long time, string device, string what, string? direction, ulong iova, string? rule, string reason, string? remedy,
        IReadOnlyList<(string, string)> details, IReadOnlyList<string> kernelLog)
    {
        (string, string)[] common = direction is null ? [("iova", $"0x{iova:x}")] : [("direction", direction), ("iova", $"0x{iova:x}")];
        return new Trouble
        {
            Kind = TroubleKind.Fault,
            FirstTime = time,
            LastTime = time,
            What = what,
            Subject = device,
            Device = device,
            Rule = rule,
            Reason = reason,
            Remedy = remedy,
            Severity = TroubleSeverity.Error,
            Details = [.. common, .. details],
            KernelLog = kernelLog,
            Sentence = TroubleText.Sentence($"DMA {direction ?? "or a message"} of {device} at IOVA 0x{iova:x} went nowhere", reason, remedy, rule),
        };
    }
}
