using System.Globalization;
using Doorbell.Events;
using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>Takes one device through its whole life on the engine that serves <c>doorbell run</c>, and judges what happened.</summary>
/// <remarks>What is said is read from the engine's state or its events where it is said; nothing is told by rote.</remarks>
internal sealed partial class Walk : IDisposable
{
    private const ulong ClientAddress = 0x10_0000_0000;
    private const int ClientSize = 0x1_0000;

    private readonly WalkPlan _plan;
    private readonly PassthroughDevice _device;
    private readonly VfioHost _host;
    private readonly IAccount _account;
    private readonly IDisposable _subscription;
    private readonly CountingTrigger[] _triggers;
    private readonly List<MachineEvent> _events = [];
    private readonly List<string> _failures = [];
    private readonly ArrayClientMemory _memory = new(ClientAddress, ClientSize);
    private int _armed;
    private int _delivered;

    public Walk(WalkPlan plan, IAccount account)
    {
        _plan = plan;
        _device = plan.Device;
        _account = account;
        _triggers = [.. Enumerable.Range(0, plan.Vectors).Select(_ => new CountingTrigger())];
        _host = plan.Machine.CreateVfioHost(plan.Options);
        _subscription = plan.Machine.Events.Subscribe(Hear);
    }

    private uint IrqIndex => _plan.Kind == MsiKind.MsiX ? VfioIrqIndex.MsiX : VfioIrqIndex.Msi;

    // The engine's own record of the device's vectors.
    private MsiDeviceVectors? Vectors => _device.MsiDomain?.CreateDeviceVectors(_device.MsiDevice);

    public void Dispose() => _subscription.Dispose();

    /// <summary>The whole walk.</summary>
    public Verdict Run()
    {
        Identify();
        PassthroughGroup? members = _plan.Machine.FindGroup(_device);
        if (members is null)
        {
            return ConcludeWithoutGroup();
        }

        Describe(members);
        Judge(members);
        VfioContainer container = _host.OpenContainer();
        Result<VfioGroup> group = _host.OpenGroup(members.Id);
        if (!group.IsOk)
        {
            return Conclude("The group could not be opened.", group.Reason);
        }

        Result<VfioDevice> device = Assign(container, group.Value);
        if (!device.IsOk)
        {
            group.Value.Release();
            container.Release();
            return ConcludeRefused(members, device.WithoutValue);
        }

        IommuDomain? domain = _device.Iommu?.GetStream(_device.StreamId).Domain;
        GetWindow(container, domain);
        MapMemory(container);
        Arm(device.Value, domain);
        if (_armed != 0)
        {
            Raise(domain);
            Move(device.Value, domain);
            Disarm(device.Value, domain);
        }

        Close(container, group.Value, device.Value);
        Left(members, domain);
        return Conclude(string.Create(CultureInfo.InvariantCulture, $"{Plural(_armed, "vector")} armed, {Plural(_delivered, "MSI")} raised, each arrived where it was armed; nothing is left behind."));
    }

    private Verdict ConcludeWithoutGroup()
    {
        string sentence = _device.NoGroupReason is { } reason
            ? $"{_device.Name} cannot be assigned: it is in no IOMMU group, so VFIO offers no /dev/vfio/N for it: {reason}."
            : $"{_device.Name} cannot be assigned: no IOMMU translates it on {_plan.Machine.Description.Name}, so it is in no IOMMU group and VFIO offers no /dev/vfio/N for it; its DMA could not be kept apart from other memory.";
        return Conclude(sentence, sentence);
    }

    private Verdict ConcludeRefused(PassthroughGroup group, Result refusal)
    {
        bool isUnsafe = group.Devices.Any(static member => !SafetyVerdict.Of(member).IsSafe);
        bool isNotViable = group.FindObstacle() is not null;
        Expect(_host.IsIdle, "a group or mapping of the client is left");
        return refusal.Errno == Errno.EPERM && (isUnsafe || isNotViable)
            ? Conclude($"{_device.Name} was not handed over, and rightly: {(isNotViable ? "not every device of its group is free" : "nothing checks who writes its MSIs")}.")
            : Conclude($"{_device.Name} was not handed over.", $"{refusal.Errno}: {refusal.Reason}");
    }

    private Verdict Conclude(string summary, string? failure = null)
    {
        if (failure is not null)
        {
            _failures.Add(failure);
        }

        bool isGood = _failures.Count == 0;
        string sentence = isGood || _failures is [var only] && only == summary
            ? summary
            : $"{_failures.Count} thing{(_failures.Count == 1 ? "" : "s")} did not go as they must.";
        var verdict = new Verdict(sentence, isGood, [.. _failures.Where(text => text != sentence)]);
        _account.Conclude(verdict);
        return verdict;
    }

    private void Hear(MachineEvent machineEvent)
    {
        _events.Add(machineEvent);
        _account.Event(machineEvent);
    }

    /// <summary>Says a fact where it holds; where it does not, the walk has failed.</summary>
    private void FactIf(bool holds, string fact, string otherwise)
    {
        Expect(holds, otherwise);
        if (holds)
        {
            _account.Fact(fact);
        }
    }

    private void Expect(Result result, string what) => Expect(result.IsOk, $"{what}: {result}");

    private void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            _failures.Add(otherwise);
        }
    }

    private static string Plural(long count, string thing) => string.Create(CultureInfo.InvariantCulture, $"{count} {thing}{(count == 1 ? "" : "s")}");
}
