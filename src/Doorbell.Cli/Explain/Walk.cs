using System.Globalization;
using Doorbell.Events;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Msi;
using Doorbell.Msi.Events;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <summary>Takes one device through its whole life on the engine that serves <c>doorbell run</c>, and judges what happened.</summary>
internal sealed class Walk : IDisposable
{
    private const ulong ClientAddress = 0x10_0000_0000;
    private const int ClientSize = 0x1_0000;

    private readonly Machine _machine;
    private readonly PassthroughDevice _device;
    private readonly VfioHost _host;
    private readonly IAccount _account;
    private readonly IDisposable _subscription;
    private readonly CountingTrigger[] _triggers;
    private readonly MsiKind _kind;
    private readonly List<MachineEvent> _events = [];
    private readonly List<string> _failures = [];
    private readonly ClientMemory _memory = new(ClientAddress, ClientSize);
    private int _armed;
    private int _delivered;

    public Walk(Machine machine, PassthroughDevice device, MsiKind kind, int vectors, bool allowUnsafeInterrupts, IAccount account)
    {
        _machine = machine;
        _device = device;
        _kind = kind;
        _account = account;
        _triggers = [.. Enumerable.Range(0, vectors).Select(_ => new CountingTrigger())];
        _host = machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = allowUnsafeInterrupts });
        _subscription = machine.Events.Subscribe(Hear);
    }

    private uint IrqIndex => _kind == MsiKind.MsiX ? VfioIrqIndex.MsiX : VfioIrqIndex.Msi;

    private PassthroughGroup Group => _machine.GroupOf(_device);

    public void Dispose() => _subscription.Dispose();

    /// <summary>The whole walk.</summary>
    public Verdict Run()
    {
        Identify();
        VfioContainer container = _host.OpenContainer();
        Result<VfioGroup> group = _host.OpenGroup(Group.Id);
        if (!group.IsOk)
        {
            return Conclude($"The device could not be opened: {group.Reason}.", group.Reason);
        }

        Result<VfioDevice> device = Assign(container, group.Value);
        if (!device.IsOk)
        {
            group.Value.Release();
            container.Release();
            return ConcludeRefused(device.WithoutValue);
        }

        IommuDomain? domain = _device.Iommu?.GetStream(_device.StreamId).Domain;
        MapMemory(container);
        Arm(device.Value, domain);
        if (_armed != 0)
        {
            Raise();
            Move(device.Value);
            Disarm(device.Value, domain);
        }

        Close(container, group.Value, device.Value, domain);
        return Conclude(string.Create(CultureInfo.InvariantCulture, $"{_armed} vectors armed, {_delivered} MSIs raised, each arrived where it was armed; nothing is left behind."));
    }

    /// <summary>The walk of a device that VFIO does not offer: it ends before it begins, and that is right.</summary>
    public Verdict RunWithoutGroup()
    {
        Identify();
        _account.Begin(StepKind.Assign, "Assign");
        _account.Fact($"VFIO offers no group for {_device.Name}: {_device.NoGroupReason ?? "no IOMMU translates it, so that whoever had it could read and write all of memory"}.");
        _account.End();
        return Conclude($"{_device.Name} was not handed over, and rightly: it is in no group.");
    }

    private void Identify()
    {
        _account.Begin(StepKind.Identify, "Who it is");
        RequesterId requester = PciTopology.GetRequesterId(_device.Function);
        _account.Fact($"{_device.Name} is {_device.Function.Model?.Name ?? "a function"}; on the bus it is RequesterID {Id(requester.Value)}.");
        _account.Fact(_device.Iommu is { } iommu
            ? $"iommu-map: the IOMMU {iommu.Name} ({iommu.Model.Name}) translates it and calls it StreamID {_device.StreamId}."
            : "iommu-map: no IOMMU translates it.");
        _account.Fact(_device.MsiDomain is { } domain
            ? $"msi-map: its MSIs go to {domain.Name}, which {(domain.IsIsolated ? $"knows it as DeviceID {_device.DeviceId} and looks MSIs up by it (IrqRemapping, M1)" : "does not look at who writes (no IrqRemapping, M1)")}."
            : "msi-map: no controller takes its MSIs.");
        _account.End();
    }

    private Result<VfioDevice> Assign(VfioContainer container, VfioGroup group)
    {
        _account.Begin(StepKind.Assign, "Assign");
        string members = string.Join(", ", Group.Devices.Select(device => device.IsBridge ? $"{device.Name} (bridge)" : device.Name));
        _account.Fact($"{group.Name}: {members}; {(Group.FindObstacle() is { } obstacle ? $"not viable, {obstacle.Name} is bound to {obstacle.Driver}" : "viable")} (V4).");
        Result joined = group.SetContainer(container);
        Result set = joined.IsOk ? container.SetIommu(VfioIommuType.Type1v2) : joined;
        _account.Fact(SafetySentence(set));
        if (!set.IsOk)
        {
            _account.Fact($"VFIO_SET_IOMMU: {set.Errno}.");
            _account.End();
            return set;
        }

        Type1Info info = container.GetInfo().Value;
        _account.Fact($"VFIO_SET_IOMMU (type1v2): the user may map {string.Join(" and ", info.UsableRanges.Select(range => $"{range.First}-{range.Last}"))}.");
        foreach (ReservedRegion region in _device.ReservedRegions)
        {
            _account.Fact($"The host keeps {region.Base}-{region.Last} ({Describe(region.Type)}, I9).");
        }

        Result<VfioDevice> device = group.OpenDevice(_device.Name);
        if (device.IsOk)
        {
            // What a driver does first: without it the function may not write (PCIe base 7.5.1.1.3).
            _device.Function.SetCommand(_device.Function.Command | PciCommand.BusMaster);
        }

        _account.End();
        return device;
    }

    private void MapMemory(VfioContainer container)
    {
        _account.Begin(StepKind.Map, "Map memory");
        Iova iova = new(0x10_0000);
        Result mapped = container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, ClientAddress, iova, ClientSize, _memory);
        Expect(mapped, "VFIO_IOMMU_MAP_DMA");
        if (mapped.IsOk)
        {
            _account.Fact($"VFIO_IOMMU_MAP_DMA: the device sees {ClientSize / 1024} KiB of the client's memory, 0x{ClientAddress:x}, at IOVA {iova}.");
        }

        _account.End();
    }

    private void Arm(VfioDevice device, IommuDomain? domain)
    {
        _account.Begin(StepKind.Arm, "Arm");
        Result<int> armed = device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, IrqIndex, 0, (uint)_triggers.Length, [], _triggers);
        Expect(armed.WithoutValue, "VFIO_DEVICE_SET_IRQS");
        _armed = device.ArmedVectors;
        string kind = _kind == MsiKind.MsiX ? "MSI-X" : "MSI";
        if (armed.IsOk && armed.Value > 0)
        {
            // The kernel's answer where a controller has too few: how many it has, with nothing armed.
            string few = $"{_device.MsiDomain?.Name} has {armed.Value} of the {_triggers.Length} {kind} vectors asked for (M10)";
            Expect(false, few);
            _account.Fact($"VFIO_DEVICE_SET_IRQS: {armed.Value}, which is to say that {few}, and nothing is armed.");
            _account.End();
            return;
        }

        Expect(_armed == _triggers.Length, $"{_armed} of {_triggers.Length} vectors are armed");
        _account.Fact($"VFIO_DEVICE_SET_IRQS: {_armed} {kind} vectors with an eventfd each.");
        if (domain?.ReservedIovas is { } window)
        {
            _account.Fact($"The window of {domain} holds {window.BindingCount} doorbell page{(window.BindingCount == 1 ? "" : "s")} (I4).");
        }

        _account.End();
    }

    private void Raise()
    {
        _account.Begin(StepKind.Raise, "Raise each");
        for (int vector = 0; vector < _armed; vector++)
        {
            RaiseOne(vector, cpu: null);
        }

        _account.End();
    }

    private void Move(VfioDevice device)
    {
        if (_machine.Description.Cpus < 2 || _armed == 0)
        {
            return;
        }

        _account.Begin(StepKind.Move, "Move vector 0");
        if (_device.MsiDomain is { CanMove: false } domain)
        {
            // Linux: EINVAL of a write to smp_affinity.
            Result kept = device.SetAffinity(0, 1);
            FactIf(kept.Errno == Errno.EINVAL, $"smp_affinity of vector 0: EINVAL. MSIs of {domain.Parent!.Name} share an interrupt, and none goes to a CPU of its own.", $"the affinity of vector 0: {kept}");
            RaiseOne(0, cpu: null);
            _account.End();
            return;
        }

        IrqDescriptor? irq = _device.MsiDomain?.CreateDeviceVectors(_device.MsiDevice).GetIrq(0);
        int from = irq?.Affinity ?? -1;
        int to = (from + 1) % _machine.Description.Cpus;
        Result moved = device.SetAffinity(0, to);
        Expect(moved, "the affinity of vector 0");
        FactIf(irq?.Affinity == to && from >= 0, $"smp_affinity of vector 0: from CPU {from} to CPU {to} (M5).", $"vector 0 was to go from CPU {from} to CPU {to} and is at CPU {irq?.Affinity}");
        RaiseOne(0, to);
        _account.End();
    }

    private void Disarm(VfioDevice device, IommuDomain? domain)
    {
        _account.Begin(StepKind.Disarm, "Disarm");
        Result<int> disarmed = device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, IrqIndex, 0, 0, [], []);
        Expect(disarmed.WithoutValue, "VFIO_DEVICE_SET_IRQS with count 0");
        Expect(device.ArmedVectors == 0, $"{device.ArmedVectors} vectors are still armed");
        int kept = CountMessages();
        int held = _events.OfType<MsiVectorEvent>().Sum(told => told.Change switch { MsiVectorChange.Alloc => 1, MsiVectorChange.Free => -1, _ => 0 });
        FactIf(
            kept == 0 && held == 0,
            "VFIO_DEVICE_SET_IRQS with count 0: every message cleared in the device, every vector back at the controller (M6).",
            $"after VFIO_DEVICE_SET_IRQS with count 0 the device holds {kept} messages and {held} vectors");
        if (domain?.ReservedIovas is { } window)
        {
            FactIf(window.ReferenceCount == 0, window.BindingCount == 0
                ? "The doorbell's last reference is gone, and its mapping with it (I7)."
                : $"{window.BindingCount} doorbell page stays mapped without a reference until the domain goes, as mainline has it (I9).",
                $"{window.ReferenceCount} references to doorbells are left");
        }

        int before = _triggers.Sum(trigger => trigger.Count);
        if (_triggers.Length > 0)
        {
            bool sent = _device.Function.RaiseMsi(0);
            FactIf(!sent && _triggers.Sum(trigger => trigger.Count) == before, "Raised once more, vector 0 goes nowhere.", "vector 0 could be raised after it was disarmed");
        }

        _account.End();
    }

    private void Close(VfioContainer container, VfioGroup group, VfioDevice device, IommuDomain? domain)
    {
        _account.Begin(StepKind.Close, "Close");
        device.Release();
        group.Release();
        container.Release();
        int failures = _failures.Count;
        Expect(_host.IsIdle, "a group or mapping of the client is left");
        Expect(domain is null || (domain.IsFreed && domain.IsEmpty), $"{domain} is not empty");
        Expect(_device.Iommu is not { } iommu || !iommu.GetStream(_device.StreamId).IsAttached, $"StreamID {_device.StreamId} is still attached");
        _account.Fact($"Device, group and container closed: {(_failures.Count == failures ? "no group open, nothing mapped, the domain empty and freed" : "something is left")} (V7, N2).");
        _account.End();
    }

    private void RaiseOne(int vector, int? cpu)
    {
        int[] before = [.. _triggers.Select(trigger => trigger.Count)];
        int heard = _events.Count;
        bool sent = _device.Function.RaiseMsi(vector);
        Expect(sent, $"the MSI of vector {vector} was lost");
        for (int other = 0; other < _triggers.Length; other++)
        {
            int expected = before[other] + (other == vector ? 1 : 0);
            Expect(_triggers[other].Count == expected, $"raising vector {vector}, vector {other} arrived {_triggers[other].Count - before[other]} times");
        }

        MsiDeliverEvent? delivery = _events.Skip(heard).OfType<MsiDeliverEvent>().SingleOrDefault();
        Expect(delivery is { Pending: false } && delivery.Vector == vector && delivery.Device == _device.Name, $"vector {vector} was delivered as {delivery?.Device} vector {delivery?.Vector}");
        Expect(cpu is null || delivery?.Cpu == cpu, $"vector {vector} went to CPU {delivery?.Cpu}, not {cpu}");
        _delivered += sent ? 1 : 0;
    }

    private string SafetySentence(Result set)
    {
        string controller = _device.MsiDomain?.Name ?? "no MSI controller";
        if (_device.Iommu is { ClaimsInterruptRemapping: true } iommu)
        {
            return $"Safe (V3): {iommu.Name} remaps interrupts.";
        }

        if (_device.MsiDomain is { IsIsolated: true })
        {
            return $"Safe (V3): {_device.Name} -> msi-map -> {controller} -> IrqRemapping: it can raise no interrupt but its own.";
        }

        return set.IsOk
            ? $"UNSAFE, and allowed (V3): {_device.Name} -> msi-map -> {controller} -> no IrqRemapping: its owner can raise any interrupt behind this controller."
            : $"Refused ({(set.Errno == Errno.EPERM ? "V3" : set.Errno.ToString())}): {set.Reason}";
    }

    private Verdict ConcludeRefused(Result refusal)
    {
        bool rightly = refusal.Errno == Errno.EPERM && _device.Iommu is not { ClaimsInterruptRemapping: true } && _device.MsiDomain is not { IsIsolated: true };
        Expect(_host.IsIdle, "a group or mapping of the client is left");
        return rightly
            ? Conclude($"{_device.Name} was not handed over, and rightly: nothing checks who writes its MSIs.")
            : Conclude($"{_device.Name} was not handed over.", $"{refusal.Errno}: {refusal.Reason}");
    }

    private Verdict Conclude(string summary, string? failure = null)
    {
        if (failure is not null)
        {
            _failures.Add(failure);
        }

        var verdict = new Verdict(_failures.Count == 0 ? summary : $"{_failures.Count} thing{(_failures.Count == 1 ? "" : "s")} did not go as they must.", _failures);
        _account.Conclude(verdict);
        return verdict;
    }

    private void Hear(MachineEvent machineEvent)
    {
        _events.Add(machineEvent);
        _account.Event(machineEvent);
    }

    // Messages the device holds, read back from where it keeps them.
    private int CountMessages()
    {
        if (_kind == MsiKind.MsiX && _device.Function.MsiX is { } msiX)
        {
            return Enumerable.Range(0, msiX.VectorCount).Count(vector => msiX.ReadEntry(vector) is { Masked: false } or not { Address: 0, Data: 0 });
        }

        return _device.Function.Msi is { } msi && msi.ReadBack() != default ? 1 : 0;
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

    private static string Describe(ReservedRegionType type) => type switch
    {
        ReservedRegionType.SoftwareMsi => "the window for doorbells",
        ReservedRegionType.Msi => "writes there are MSIs, and are not translated",
        _ => type.ToString(),
    };

    private static string Id(ushort requester) => $"{new RequesterId(requester)} (0x{requester:x})";
}
