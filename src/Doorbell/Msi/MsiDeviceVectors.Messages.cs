using System.Numerics;
using Doorbell.Interrupts;
using Doorbell.Iommu;
using Doorbell.Msi.Events;

namespace Doorbell.Msi;

/// <content>What the device holds: writing, clearing and restoring messages, and moving them to another IOMMU domain.</content>
public sealed partial class MsiDeviceVectors
{
    /// <summary>A reset of the device cleared its registers: what they held is written again (pci_restore_msi_state). Nothing is allocated, mapped or told to the controller.</summary>
    public void Restore()
    {
        using EngineLock.Scope held = _lock.Enter();
        if (Kind is not { } kind)
        {
            return;
        }

        foreach (MsiVector? vector in _vectors)
        {
            if (vector is not null)
            {
                Device.SetMask(kind, vector.Index, true);
            }
        }

        if (kind == MsiKind.Msi && _deviceMessage != default)
        {
            Device.WriteMessage(kind, 0, _deviceMessage);
        }

        if (_enabled)
        {
            Device.SetEnabled(kind, true, Count);
        }

        foreach (MsiVector? vector in _vectors)
        {
            if (vector is { Irq.IsActivated: true } && kind != MsiKind.Msi)
            {
                Device.WriteMessage(kind, vector.Index, vector.Message);
            }

            if (vector is { IsRequested: true })
            {
                Device.SetMask(kind, vector.Index, false);
            }
        }
    }

    /// <summary>
    /// First half of replacing the device's IOMMU domain while vectors are armed (I9): every doorbell in use is mapped in
    /// <paramref name="target"/> too, before the device is attached to it, so that N1 holds on both sides.
    /// </summary>
    /// <param name="target">The domain the device will be attached to; null where nothing will translate its writes.</param>
    /// <returns>The move to complete after the attach, or to cancel. What mapping a doorbell answered: nothing has changed then.</returns>
    public Result<MsiDomainMove> PrepareMove(IommuDomain? target)
    {
        _lock.Take();
        var steps = new List<(MsiVector Vector, MsiBinding Next)>();
        foreach (MsiVector? vector in _vectors)
        {
            if (vector is not { IsBound: true })
            {
                continue;
            }

            Result<MsiBinding> next = vector.GetBindingIn(target);
            if (!next.IsOk)
            {
                foreach ((_, MsiBinding taken) in steps)
                {
                    taken.Put();
                }

                _lock.Give();
                return next.WithoutValue;
            }

            steps.Add((vector, next.Value));
        }

        return new MsiDomainMove(this, steps);
    }

    /// <summary>The move is over: the device's other operations go on.</summary>
    internal void EndMove() => _lock.Give();

    /// <summary>PCI MSI's one message has another address now, the same for all vectors.</summary>
    internal void RewriteDeviceMessage(in MsiMessage message, PhysicalAddress doorbell)
    {
        if (message != _deviceMessage)
        {
            Write(0, message, doorbell, mask: false);
            _deviceMessage = message;
        }
    }

    internal void RewriteEntry(int index, in MsiMessage message, PhysicalAddress doorbell) => Write(index, message, doorbell, mask: false);

    /// <summary>Writes a vector's message into the device: an MSI-X entry, or PCI MSI's one message for all.</summary>
    internal Result WriteMessage(MsiVector vector, in ComposedMessage composed, in MsiMessage message)
    {
        Result fits = CheckFits(vector.Index, message);
        if (!fits.IsOk)
        {
            return fits;
        }

        if (Kind != MsiKind.Msi)
        {
            Write(vector.Index, message, composed.Doorbell, mask: vector.IsRequested);
            return Result.Ok;
        }

        // The device holds vector 0's message and adds the vector to the data, so every vector's must be that (M9).
        var first = new MsiMessage(message.Address, message.Data - (uint)vector.Index);
        if (Count > 1 && (_deviceMessage != default ? first != _deviceMessage : (first.Data & (BitOperations.RoundUpToPowerOf2((uint)Count) - 1)) != 0))
        {
            return Result.Fail(
                Errno.EINVAL,
                $"{Device.Name} has one message for {Count} vectors; vector {vector.Index} alone cannot get {message} (M9).");
        }

        if (first != _deviceMessage)
        {
            Write(0, first, composed.Doorbell, mask: vector.IsRequested);
            _deviceMessage = first;
        }

        return Result.Ok;
    }

    /// <summary>EIO where the device cannot hold the message (Linux: msi_verify_entries).</summary>
    internal Result CheckFits(int index, in MsiMessage message) => Device.CanHold(ActiveKind, message)
        ? Result.Ok
        : Result.Fail(Errno.EIO, $"{Device.Name} has 32 bits for the address of a message; vector {index}'s is {message} (M9). Put the doorbell window below 4 GiB, or use MSI-X.");

    /// <summary>Clears a vector's message in the device; PCI MSI's one message with its last vector.</summary>
    internal void ClearMessage(MsiVector vector)
    {
        if (Kind != MsiKind.Msi)
        {
            Write(vector.Index, default, default, mask: false);
        }
        else if (!_vectors.Any(other => other is not null && other != vector && other.Irq.IsActivated))
        {
            // Off first: not every function can mask MSI, and enabled with a cleared message it would write to address 0 (N1).
            Disable();
            Write(0, default, default, mask: false);
            _deviceMessage = default;
        }
    }

    // An entry's message changes only while the entry is masked (PCIe base 6.1.4.2): a device that sent half of each would write anywhere.
    private void Write(int index, in MsiMessage message, PhysicalAddress doorbell, bool mask)
    {
        if (mask)
        {
            Device.SetMask(ActiveKind, index, true);
        }

        Device.WriteMessage(ActiveKind, index, message);
        if (Domain.Events.IsEnabled)
        {
            Domain.Events.Emit(new MsiMessageEvent { Device = Device.Name, MsiKind = ActiveKind, Vector = index, Message = message, Doorbell = doorbell });
        }

        if (mask)
        {
            Device.SetMask(ActiveKind, index, false);
        }
    }
}
