using Doorbell.Interrupts;
using Doorbell.Iommu;

namespace Doorbell.Msi;

/// <summary>One allocated vector: its interrupt, its reference to the doorbell's mapping, and the message it stands for (M4 to M6).</summary>
internal sealed class MsiVector(MsiDeviceVectors owner, IrqDescriptor irq)
{
    private MsiBinding _binding;

    public IrqDescriptor Irq { get; } = irq;

    public int Index => Irq.Vector;

    /// <summary>True while a doorbell reference is held (an empty one included, M7).</summary>
    public bool IsBound { get; private set; }

    public bool IsRequested { get; set; }

    /// <summary>The message as the controller composed it.</summary>
    public ComposedMessage Composed { get; private set; }

    /// <summary>The message for the device; default while the vector is not active.</summary>
    public MsiMessage Message { get; private set; }

    public void SetDeviceMask(bool masked) => owner.Device.SetMask(owner.ActiveKind, Index, masked);

    /// <summary>Takes the reference to the doorbell's mapping (M4).</summary>
    public Result Bind()
    {
        if (IsBound)
        {
            return Result.Ok;
        }

        Result<MsiBinding> binding = MsiBinding.Get(owner.Device, owner.Device.IommuDomain, Irq.Data.Chip!.Compose(Irq.Data).Doorbell);
        if (!binding.IsOk)
        {
            return binding.WithoutValue;
        }

        _binding = binding.Value;
        IsBound = true;
        return Result.Ok;
    }

    /// <summary>A reference in another domain, for the move to it.</summary>
    public Result<MsiBinding> GetBindingIn(IommuDomain? target)
    {
        Result<MsiBinding> next = MsiBinding.Get(owner.Device, target, Irq.IsActivated ? Composed.Doorbell : Irq.Data.Chip!.Compose(Irq.Data).Doorbell);
        if (!next.IsOk)
        {
            return next;
        }

        Result fits = owner.CheckFits(Index, MessageThrough(next.Value));
        if (!fits.IsOk)
        {
            next.Value.Put();
            return fits;
        }

        return next;
    }

    /// <summary>The message as it would be through another binding of the same doorbell; default while the vector is not active.</summary>
    public MsiMessage MessageThrough(in MsiBinding binding)
    {
        MsiMessage message = default;
        return !Irq.IsActivated || binding.TryTranslate(Composed, out message)
            ? message
            : throw new InvalidOperationException($"vector {Index} of {owner.Device.Name}: the doorbell {Composed.Doorbell} is not what was mapped.");
    }

    /// <summary>Goes over to another binding, its message in the device first; the previous reference is given back (M5's order).</summary>
    public void Adopt(in MsiBinding next)
    {
        MsiMessage message = MessageThrough(next);
        if (message != Message)
        {
            if (owner.Kind == MsiKind.Msi)
            {
                owner.RewriteDeviceMessage(message with { Data = message.Data - (uint)Index }, Composed.Doorbell);
            }
            else
            {
                owner.RewriteEntry(Index, message, Composed.Doorbell);
            }

            Message = message;
        }

        MsiBinding previous = _binding;
        _binding = next;
        previous.Put();
    }

    /// <summary>Gives the reference back (M6); the device does not hold the message any more.</summary>
    public void Unbind()
    {
        if (IsBound)
        {
            IsBound = false;
            _binding.Put();
            _binding = default;
        }
    }

    /// <summary>Activation at the MSI level (M4): map (at <see cref="MappingPoint.Activate"/>), translate, write into the device.</summary>
    public Result WriteMessage()
    {
        Result bound = Bind();
        if (!bound.IsOk)
        {
            return bound;
        }

        ComposedMessage composed = Irq.Data.Chip!.Compose(Irq.Data);
        Result written = Take(composed, _binding);
        if (!written.IsOk && owner.Domain.MappingPoint == MappingPoint.Activate)
        {
            Unbind();
        }

        return written;
    }

    /// <summary>Deactivation at the MSI level (M6): the message leaves the device before the doorbell is released.</summary>
    public void ClearMessage()
    {
        owner.ClearMessage(this);
        Message = default;
        Composed = default;
        if (owner.Domain.MappingPoint == MappingPoint.Activate)
        {
            Unbind();
        }
    }

    /// <summary>
    /// M5: asks the controller; when the message changes, the new doorbell is mapped, then written to the device, and
    /// only then is the previous one released.
    /// </summary>
    public Result SetAffinity(int cpu)
    {
        IrqChip chip = Irq.Data.Chip!;
        int before = Irq.Affinity;
        Result<AffinityOutcome> moved = chip.SetAffinity(Irq.Data, cpu);
        if (!moved.IsOk || moved.Value == AffinityOutcome.Done || !Irq.IsActivated)
        {
            return moved.WithoutValue;
        }

        ComposedMessage composed = chip.Compose(Irq.Data);
        if (composed == Composed)
        {
            return Result.Ok;
        }

        Result written = owner.Domain.MappingPoint == MappingPoint.Alloc
            ? Take(composed, _binding)
            : Rebind(composed);
        if (!written.IsOk)
        {
            // The device still holds the previous message and its doorbell is still mapped; the controller goes back to it.
            chip.SetAffinity(Irq.Data, before);
        }

        return written;
    }

    private Result Rebind(in ComposedMessage composed)
    {
        Result<MsiBinding> next = MsiBinding.Get(owner.Device, owner.Device.IommuDomain, composed.Doorbell);
        if (!next.IsOk)
        {
            return next.WithoutValue;
        }

        Result written = Take(composed, next.Value);
        if (!written.IsOk)
        {
            next.Value.Put();
            return written;
        }

        MsiBinding previous = _binding;
        _binding = next.Value;
        previous.Put();
        return Result.Ok;
    }

    private Result Take(in ComposedMessage composed, in MsiBinding binding)
    {
        if (!binding.TryTranslate(composed, out MsiMessage message))
        {
            return Result.Fail(
                Errno.EINVAL,
                $"the doorbell of vector {Index} of {owner.Device.Name} became {composed.Doorbell}, outside the page mapped at its allocation, and only then may it be mapped (M8).");
        }

        Result written = owner.WriteMessage(this, composed, message);
        if (written.IsOk)
        {
            Composed = composed;
            Message = message;
        }

        return written;
    }
}
