using Doorbell.Interrupts;
using Doorbell.Msi.Events;

namespace Doorbell.Msi;

/// <content>Allocation at the controller, and its undoing.</content>
public sealed partial class MsiDeviceVectors
{
    private Result Allocate(MsiKind kind, int count, out int possible)
    {
        possible = 0;
        Result asked = Check(kind, count);
        if (!asked.IsOk)
        {
            return asked;
        }

        Result prepared = Prepare(kind);
        if (!prepared.IsOk)
        {
            return NoSpace(prepared);
        }

        Kind = kind;
        _vectors = new MsiVector?[Device.VectorLimit(kind)];
        for (int i = 0; i < count; i++)
        {
            Device.SetMask(kind, i, true);
        }

        if (kind == MsiKind.MsiX)
        {
            _enabled = true;
            Device.SetEnabled(kind, true, count);
        }

        Result result = Result.Ok;
        if (kind == MsiKind.Msi)
        {
            result = AllocateBlock(0, count);
            possible = count > 1 ? 1 : 0;
        }
        else
        {
            for (int i = 0; i < count && result.IsOk; i++)
            {
                result = AllocateBlock(i, 1);
                possible = result.IsOk ? i + 1 : i;
            }
        }

        if (!result.IsOk)
        {
            FreeAll();
            return NoSpace(result);
        }

        if (kind == MsiKind.Msi && Domain.Info.ActivatesEarly)
        {
            Enable();
        }

        return Result.Ok;
    }

    private Result Check(MsiKind kind, int count)
    {
        if (Kind is not null)
        {
            return Result.Fail(Errno.EINVAL, $"{Device.Name} has {Count} {Kind} vectors already.");
        }

        int limit = Device.VectorLimit(kind);
        if (limit == 0 || count < 1)
        {
            return Result.Fail(Errno.EINVAL, limit == 0 ? $"{Device.Name} has no {kind}." : $"{count} vectors were asked for.");
        }

        if (kind == MsiKind.MsiX && (Domain.Info.Flags & MsiDomainFlags.PciMsiX) == 0)
        {
            return Result.Fail(Errno.EOPNOTSUPP, $"{Domain.Name} does not do MSI-X (M1).");
        }

        if (kind == MsiKind.Msi && count > 1 && (Domain.Info.Flags & MsiDomainFlags.MultiPciMsi) == 0)
        {
            return Result.Fail(Errno.ENOSPC, $"{Domain.Name} does one PCI MSI vector a device (M1).");
        }

        return count > limit
            ? Result.Fail(Errno.ENOSPC, $"{Device.Name} has {limit} {kind} vectors, {count} were asked for.")
            : Result.Ok;
    }

    private Result Prepare(MsiKind kind)
    {
        if (_preparedFor == kind)
        {
            return Result.Ok;
        }

        Unprepare();
        Result prepared = Domain.Prepare(_requester, Device.VectorLimit(kind), out _context);
        if (prepared.IsOk)
        {
            _preparedFor = kind;
        }

        return prepared;
    }

    private void Unprepare()
    {
        if (_preparedFor is not null)
        {
            Domain.Unprepare(_context);
            _context = null;
            _preparedFor = null;
        }
    }

    private Result AllocateBlock(int first, int count)
    {
        Result<IrqDescriptor[]> irqs = Domain.Allocate(new IrqAllocation(_requester, _context, first, Owner: this), count);
        if (!irqs.IsOk)
        {
            return irqs.WithoutValue;
        }

        IrqDescriptor[] block = irqs.Value;
        _blocks.Add(block);
        Count += count;
        foreach (IrqDescriptor irq in block)
        {
            var vector = (MsiVector)irq.Data.ChipData!;
            _vectors[irq.Vector] = vector;
            Tell(vector, MsiVectorChange.Alloc);
        }

        Result result = Result.Ok;
        foreach (IrqDescriptor irq in block)
        {
            if (result.IsOk && Domain.MappingPoint == MappingPoint.Alloc)
            {
                result = _vectors[irq.Vector]!.Bind();
            }

            if (result.IsOk && Domain.Info.ActivatesEarly)
            {
                result = IrqDomain.Activate(irq);
            }
        }

        if (!result.IsOk)
        {
            _blocks.Remove(block);
            FreeBlock(block);
        }

        return result;
    }

    private void FreeBlock(IrqDescriptor[] block)
    {
        foreach (IrqDescriptor irq in block)
        {
            MsiVector vector = _vectors[irq.Vector]!;
            IrqDomain.Deactivate(irq);
            vector.Unbind();
            Tell(vector, MsiVectorChange.Free);
        }

        Domain.Free(block);
        foreach (IrqDescriptor irq in block)
        {
            _vectors[irq.Vector] = null;
        }

        Count -= block.Length;
    }

    // The kernel answers ENOSPC for whatever went wrong inside an allocation, but for a message the device cannot hold; the reason stays.
    private static Result NoSpace(Result result) => result.IsOk || result.Errno is Errno.ENOSPC or Errno.EIO ? result : Result.Fail(Errno.ENOSPC, result.Reason);
}
