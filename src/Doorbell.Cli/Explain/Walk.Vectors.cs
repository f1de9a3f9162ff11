using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Interrupts;
using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Msi.Events;
using Doorbell.Vfio;

namespace Doorbell.Cli.Explain;

/// <content>Vectors: armed, raised, moved, disarmed.</content>
internal sealed partial class Walk
{
    private void Arm(VfioDevice device, IommuDomain? domain)
    {
        _account.Begin(StepKind.Arm, "Arm");
        Result<int> armed = device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, IrqIndex, 0, (uint)_triggers.Length, [], _triggers);
        Expect(armed.WithoutValue, "VFIO_DEVICE_SET_IRQS");
        _armed = device.ArmedVectors;
        if (armed.IsOk && armed.Value > 0)
        {
            // The kernel's answer where a controller has too few: how many it has, with nothing armed.
            string few = $"{_device.MsiDomain?.Name} has {armed.Value} of the {_triggers.Length} {_plan.KindName} vectors asked for (M10)";
            Expect(false, few);
            _account.Fact($"VFIO_DEVICE_SET_IRQS: {armed.Value}, which is to say that {few}, and nothing is armed.");
        }
        else if (!armed.IsOk)
        {
            _account.Fact($"VFIO_DEVICE_SET_IRQS: {armed.Errno}. {armed.Reason}");
        }
        else
        {
            Expect(_armed == _triggers.Length, $"{_armed} of {_triggers.Length} vectors are armed");
            _account.Fact($"VFIO_DEVICE_SET_IRQS: {Plural(_armed, $"{_plan.KindName} vector")} with an eventfd each. What the device holds now, read back from it:");
            Messages(domain);
            Bindings(domain);
        }

        _account.End();
    }

    private void Raise(IommuDomain? domain)
    {
        _account.Begin(StepKind.Raise, "Raise each");
        var deliveries = new AccountTable(
            "delivery",
            new("vector", "vector"),
            new("requester", "RequesterID"),
            new("stream", "StreamID"),
            new("iova", "IOVA"),
            new("pa", "PA"),
            new("device_id", "DeviceID"),
            new(PayloadName switch { "SPI" => "spi", "EventID" => "event_id", _ => "data" }, PayloadName),
            new("intid", IntidName),
            new("cpu", "CPU"),
            new("arrived_at", "arrived at"),
            new("signals", "signals"));
        for (int vector = 0; vector < _armed; vector++)
        {
            (MsiWritten? written, MsiDeliverEvent? delivery) = RaiseOne(vector, cpu: null);
            if (vector == 0)
            {
                Hops(vector, written, delivery, domain);
            }

            if (written is not null && delivery is not null)
            {
                deliveries.Add(
                    vector,
                    written.RequesterId.ToString(),
                    written.StreamId?.ToString() ?? "none",
                    written.Iova,
                    written.Address,
                    delivery.DeviceId.ToString(),
                    delivery.Data,
                    delivery.Intid,
                    delivery.Cpu,
                    $"{delivery.Device} vector {delivery.Vector}",
                    _triggers[vector].Count);
            }
        }

        _account.Fact("Each vector once:");
        _account.Table(deliveries);
        _account.End();
    }

    private void Move(VfioDevice device, IommuDomain? domain)
    {
        int cpus = _plan.Machine.Description.Cpus;
        IrqDescriptor? irq = Vectors?.GetIrq(0);
        if (irq is null || cpus < 2)
        {
            return;
        }

        _account.Begin(StepKind.Move, "Move vector 0");
        if (_device.MsiDomain is { CanMove: false } fixedDomain)
        {
            // Linux: EINVAL of a write to smp_affinity.
            Result kept = device.SetAffinity(0, 1);
            FactIf(kept.Errno == Errno.EINVAL, $"smp_affinity of vector 0: EINVAL. MSIs of {fixedDomain.Parent!.Name} share an interrupt, and none goes to a CPU of its own.", $"the affinity of vector 0: {kept}");
            RaiseOne(0, cpu: null);
            _account.End();
            return;
        }

        int from = irq.Affinity;
        int to = (from + 1) % cpus;
        MsiMessage before = Held(0);
        Result moved = device.SetAffinity(0, to);
        Expect(moved, "the affinity of vector 0");
        FactIf(irq.Affinity == to && from >= 0, $"smp_affinity of vector 0: from CPU {from} to CPU {to} (M5).", $"vector 0 was to go from CPU {from} to CPU {to} and is at CPU {irq.Affinity}");
        MsiMessage after = Held(0);
        _account.Fact(
            before == after
                ? $"The device's message is what it was, {after}: the controller ({_device.MsiDomain?.Parent?.Name}) sends it elsewhere."
                : domain is { MsiMapping: true }
                    ? $"The device's message was {before} and is {after}: the new doorbell was mapped before it was written, the old one released after (M5)."
                    : $"The device's message was {before} and is {after}: it says where to, and one on its way there still arrives (M5).",
            "affinity",
            ("vector", 0),
            ("from", from),
            ("to", irq.Affinity),
            ("message_before", before.ToString()),
            ("message_after", after.ToString()));
        (MsiWritten? written, MsiDeliverEvent? delivery) = RaiseOne(0, to);
        Hops(0, written, delivery, domain);
        Bindings(domain);
        _account.End();
    }

    private void Disarm(VfioDevice device, IommuDomain? domain)
    {
        _account.Begin(StepKind.Disarm, "Disarm");
        Result<int> disarmed = device.SetIrqs(VfioIrqSetFlags.DataNone | VfioIrqSetFlags.ActionTrigger, IrqIndex, 0, 0, [], []);
        Expect(disarmed.WithoutValue, "VFIO_DEVICE_SET_IRQS with count 0");
        Expect(device.ArmedVectors == 0, $"{device.ArmedVectors} vectors are still armed");
        FactIf(
            CountMessages() == 0 && CountVectors() == 0,
            "VFIO_DEVICE_SET_IRQS with count 0: every message cleared in the device, every vector back at the controller (M6).",
            $"after VFIO_DEVICE_SET_IRQS with count 0 the device holds {CountMessages()} messages and {CountVectors()} vectors");
        if (domain?.ReservedIovas is { } window)
        {
            FactIf(
                window.ReferenceCount == 0,
                window.BindingCount == 0
                    ? "The doorbell's last reference is gone, and its mapping with it (I7)."
                    : $"{Plural(window.BindingCount, "doorbell page")} stay{(window.BindingCount == 1 ? "s" : "")} mapped without a reference until the domain goes, as mainline has it (I9).",
                $"{window.ReferenceCount} references to doorbells are left");
        }

        Bindings(domain);
        int before = _triggers.Sum(trigger => trigger.Count);
        bool sent = _device.Function.RaiseMsi(0);
        FactIf(!sent && _triggers.Sum(trigger => trigger.Count) == before, "Raised once more, vector 0 goes nowhere.", "vector 0 could be raised after it was disarmed");
        _account.End();
    }

    private (MsiWritten? Written, MsiDeliverEvent? Delivery) RaiseOne(int vector, int? cpu)
    {
        int[] before = [.. _triggers.Select(trigger => trigger.Count)];
        int heard = _events.Count;
        bool sent = _device.Function.RaiseMsi(vector);
        Expect(sent, $"the MSI of vector {vector} was lost{Why(heard)}");
        for (int other = 0; other < _triggers.Length; other++)
        {
            int expected = before[other] + (other == vector ? 1 : 0);
            Expect(_triggers[other].Count == expected, $"raising vector {vector}, vector {other} arrived {_triggers[other].Count - before[other]} times");
        }

        MsiDeliverEvent? delivery = _events.Skip(heard).OfType<MsiDeliverEvent>().SingleOrDefault();
        Expect(delivery is { Pending: false } && delivery.Vector == vector && delivery.Device == _device.Name, $"vector {vector} was delivered as {delivery?.Device} vector {delivery?.Vector}");
        Expect(cpu is null || delivery?.Cpu == cpu, $"vector {vector} went to CPU {delivery?.Cpu}, not {cpu}");
        _delivered += sent ? 1 : 0;
        return (_events.Skip(heard).OfType<MsiWritten>().FirstOrDefault(), delivery);
    }

    private string Why(int heard) => _events.Count > heard ? $" ({string.Join("; ", _events.Skip(heard).Select(static e => e.ToString()))})" : "";

    // N1, as the device and its domain have it: the message read back, and where the domain takes it.
    private void Messages(IommuDomain? domain)
    {
        var table = new AccountTable("message", new("vector", "vector"), new("address", "address (IOVA)"), new("data", "data"), new("doorbell", "leads to (PA)"), new("intid", IntidName), new("cpu", "CPU"));
        for (int vector = 0; vector < _armed; vector++)
        {
            MsiMessage message = Held(vector);
            IrqDescriptor? irq = Vectors?.GetIrq(vector);

            // Where a PCI host takes its devices' MSIs itself, the domain never sees them.
            PhysicalAddress? doorbell = Lead(_device.MsiDevice.IommuDomain is null ? null : domain, message.Address);
            Expect(doorbell is { } pa && IsDoorbell(pa), $"vector {vector} holds {message}, which leads to {doorbell?.ToString() ?? "nothing"} and no doorbell (N1)");
            table.Add(vector, Cell.Hex(message.Address), Cell.Hex(message.Data), doorbell?.ToString() ?? "nothing", irq?.Intid ?? 0, irq?.Affinity ?? -1);
        }

        _account.Table(table);
    }

    private void Bindings(IommuDomain? domain)
    {
        if (domain?.ReservedIovas is not { } window)
        {
            return;
        }

        IReadOnlyList<DoorbellBinding> bindings = window.GetBindings();
        if (bindings.Count == 0)
        {
            _account.Fact($"No doorbell is bound in the window of {domain}.");
            return;
        }

        _account.Fact($"Doorbells bound in the window of {domain} (I4):");
        var table = new AccountTable("binding", new("pa", "PA"), new("iova", "IOVA"), new("size", "size"), new("protection", "allows"), new("references", "references"));
        foreach (DoorbellBinding binding in bindings)
        {
            table.Add(binding.PhysicalAddress, binding.Iova, Cell.Hex(binding.Size), binding.Protection.ToString(), binding.References);
        }

        _account.Table(table);
        Expect(window.ReferenceCount == (Vectors is { } vectors ? vectors.Count : 0), $"{window.ReferenceCount} references to doorbells are held for {Vectors?.Count} vectors (N2)");
    }

    private static PhysicalAddress? Lead(IommuDomain? domain, ulong address)
    {
        if (domain is not { MsiMapping: true })
        {
            return new PhysicalAddress(address);
        }

        return domain.TryTranslate(new Iova(address), IommuProtection.Write, out PhysicalAddress pa) ? pa : null;
    }

    // A controller that has no frame of its own (x86) names no doorbells.
    private bool IsDoorbell(PhysicalAddress pa) => _device.MsiDomain is { } msi && (msi.Doorbells.Count == 0 || msi.IsDoorbell(pa));

    // What the device would send, from where it keeps it.
    private MsiMessage Held(int vector)
    {
        if (_plan.Kind == MsiKind.MsiX)
        {
            return _device.Function.MsiX?.ReadEntry(vector) is { } entry ? new MsiMessage(entry.Address, entry.Data) : default;
        }

        return _device.Function.Msi?.ReadBack() is var (low, high, data) ? new MsiMessage(((ulong)high << 32) | low, data + (uint)vector) : default;
    }

    private int CountMessages()
    {
        if (_plan.Kind == MsiKind.MsiX && _device.Function.MsiX is { } msiX)
        {
            return Enumerable.Range(0, msiX.VectorCount).Count(vector => msiX.ReadEntry(vector) is { Masked: false } or not { Address: 0, Data: 0 });
        }

        return _device.Function.Msi is { } msi && msi.ReadBack() != default ? 1 : 0;
    }

    private int CountVectors() => _events.OfType<MsiVectorEvent>().Sum(told => told.Change switch { MsiVectorChange.Alloc => 1, MsiVectorChange.Free => -1, _ => 0 });
}
