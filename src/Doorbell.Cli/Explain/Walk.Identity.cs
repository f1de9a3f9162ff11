using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <content>What it is, what it goes with, whether it is safe: what the machine says before anything is done.</content>
internal sealed partial class Walk
{
    private void Identify()
    {
        _account.Begin(StepKind.Identify, "Who it is");
        RequesterId requester = PciTopology.GetRequesterId(_device.Function);
        var table = new AccountTable("name", new("by", "read from"), new("at", "at"), new("name", "what it is called there"));
        table.Add("machine", _plan.Machine.Description.Name, $"{_device.Name}, {_device.Function.Model?.Name ?? "a function"} with {_plan.KindName}");
        table.Add("bus", "PCI", $"RequesterID {requester} (0x{requester.Value:x})");
        table.Add("iommu-map", _device.Iommu is { } iommu ? $"{iommu.Name} ({iommu.Model.Name})" : "no IOMMU", _device.Iommu is null ? "untranslated" : $"StreamID {_device.StreamId}");
        table.Add("msi-map", _device.MsiDomain?.Name ?? "no MSI controller", _device.MsiDomain is null ? "nobody takes its MSIs" : $"DeviceID {_device.DeviceId}");
        _account.Table(table);
        if (_device.MsiDomain is { } msi)
        {
            foreach (PhysicalAddress doorbell in msi.DoorbellsOf(_device.DeviceId))
            {
                _account.Fact($"The doorbell its MSIs are written to: PA {doorbell} of {msi.Parent?.Name ?? msi.Name}.");
            }
        }

        _account.End();
    }

    private void Describe(PassthroughGroup group)
    {
        _account.Begin(StepKind.Group, $"Group {group.Id}");
        _account.Fact(group.Devices.Count == 1
            ? "It can be handed over alone:"
            : "They cannot be isolated from each other, and can only be handed over together:");
        var table = new AccountTable("group", new("group", "group"), new("device", "device"), new("function", "what it is"), new("driver", "bound to"), new("why", "why it is in this group"));
        foreach (PassthroughDevice member in group.Devices)
        {
            table.Add(group.Id, member.Name, member.IsBridge ? "bridge" : member.Function.Model?.Name ?? "function", member.Driver ?? "nothing", GroupReasons.Of(group, member));
        }

        _account.Table(table);
        _account.Fact(
            group.FindObstacle() is { } obstacle
                ? $"Group {group.Id} is not viable (V4): {obstacle.Name} is bound to {obstacle.Driver}, and is neither vfio-pci's nor nobody's nor a bridge."
                : $"Group {group.Id} is viable (V4): each of its devices is vfio-pci's, nobody's or a bridge.",
            "viability",
            ("group", group.Id),
            ("viable", group.FindObstacle() is null ? "yes" : "no"));
        _account.End();
    }

    private void Judge(PassthroughGroup group)
    {
        _account.Begin(StepKind.Safety, "Is it safe to hand over?");
        List<SafetyVerdict> verdicts = [.. group.Devices.Select(SafetyVerdict.Of)];
        SafetyVerdict shown = verdicts.Find(static verdict => !verdict.IsSafe) ?? verdicts.Find(verdict => verdict.Device == _device)!;
        var table = new AccountTable("safety", new("at", "asked"), new("says", "says"));
        foreach (SafetyStep step in shown.Path)
        {
            table.Add(step.At, step.Says);
        }

        _account.Table(table);
        _account.Fact(
            shown.IsSafe
                ? $"Safe (V3): {shown.Path[^1].At} looks an MSI up by who writes it, so {group.Devices.Count switch { 1 => "it", _ => "each of them" }} can raise no interrupt but its own."
                : $"Not safe (V3): nobody on this path checks who writes, so the owner of {shown.Device.Name} could raise any interrupt behind {shown.Device.MsiDomain?.Name ?? "the machine's controllers"}.",
            "safe",
            ("device", shown.Device.Name),
            ("safe", shown.IsSafe ? "yes" : "no"),
            ("path", string.Join(" -> ", shown.Path.Select(static step => step.At))));
        _account.End();
    }
}
