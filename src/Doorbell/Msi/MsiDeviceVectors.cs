using Doorbell.Events;
using Doorbell.Interrupts;
using Doorbell.Msi.Events;

namespace Doorbell.Msi;

/// <summary>A device's vectors: what pci_alloc_irq_vectors, request_irq, free_irq and pci_free_irq_vectors do for a driver, VFIO included (M4 to M9).</summary>
/// <remarks>
/// Control operations of one device exclude each other (msi_lock_descs), a <see cref="MsiDomainMove"/> from its preparation to its end
/// included; doorbells are mapped under that lock, and none of the IOMMU's is ever held around it.
/// </remarks>
public sealed partial class MsiDeviceVectors : IDisposable
{
    private readonly EngineLock _lock = new("vectors");
    private readonly IrqRequester _requester;
    private readonly List<IrqDescriptor[]> _blocks = [];
    private MsiVector?[] _vectors = [];
    private IrqDeviceContext? _context;
    private MsiKind? _preparedFor;
    private bool _enabled;
    private MsiMessage _deviceMessage;

    internal MsiDeviceVectors(MsiDomain domain, IMsiDevice device)
    {
        Domain = domain;
        Device = device;
        _requester = new IrqRequester(device.Name, device.DeviceId);
    }

    /// <summary>The domain they are allocated in.</summary>
    public MsiDomain Domain { get; }

    /// <summary>The device.</summary>
    public IMsiDevice Device { get; }

    /// <summary>The kind allocated; null while none is.</summary>
    public MsiKind? Kind { get; private set; }

    /// <summary>Vectors allocated.</summary>
    public int Count { get; private set; }

    /// <summary>True for an allocated vector.</summary>
    public bool IsAllocated(int index) => Find(index) is not null;

    /// <summary>True for a vector with a handler.</summary>
    public bool IsRequested(int index) => Find(index) is { IsRequested: true };

    /// <summary>The message the device sends for a vector: address as the device puts it on the bus; default while the vector is not active.</summary>
    public MsiMessage GetMessage(int index) => Find(index)?.Message ?? default;

    /// <summary>The interrupt of an allocated vector, or null.</summary>
    public IrqDescriptor? GetIrq(int index) => Find(index)?.Irq;

    internal MsiKind ActiveKind => Kind ?? throw new InvalidOperationException($"{Device.Name} has no vectors.");

    /// <summary>Allocates vectors 0 to <paramref name="count"/> - 1 (pci_alloc_irq_vectors with that minimum and maximum).</summary>
    /// <remarks>
    /// MSI-X is enabled with every vector masked; PCI MSI once its message is written. At <see cref="MappingPoint.Alloc"/> the
    /// doorbell is mapped and the messages are in the device, masked, when this returns (M8).
    /// </remarks>
    /// <returns>
    /// EINVAL: vectors are allocated already, or the device lacks the capability. EOPNOTSUPP: the domain lacks it. ENOSPC: too many
    /// for the device, or the controller or the doorbell window is exhausted (as the kernel, whatever the reason below was). EIO: the device's MSI has
    /// 32 bits of address, and the doorbell is above 4 GiB. Everything is undone then.
    /// </returns>
    public Result Allocate(MsiKind kind, int count)
    {
        using (_lock.Enter())
        {
            return Allocate(kind, count, out _);
        }
    }

    /// <summary>Allocates as many as it can get of <paramref name="maximum"/> vectors, at least <paramref name="minimum"/> (pci_alloc_irq_vectors); the value is how many.</summary>
    public Result<int> AllocateRange(MsiKind kind, int minimum, int maximum)
    {
        using EngineLock.Scope held = _lock.Enter();
        int count = Math.Min(maximum, Device.VectorLimit(kind));
        while (count >= Math.Max(1, minimum))
        {
            Result result = Allocate(kind, count, out int possible);
            if (result.IsOk)
            {
                return count;
            }

            if (result.Errno != Errno.ENOSPC || possible < Math.Max(1, minimum))
            {
                return result;
            }

            count = possible;
        }

        return Result.Fail(Errno.ENOSPC, $"{Device.Name} has {Device.VectorLimit(kind)} {kind} vectors, {minimum} are the least asked for.");
    }

    /// <summary>Adds one MSI-X vector to those allocated (pci_msix_alloc_irq_at).</summary>
    /// <returns>EINVAL: the domain cannot (<see cref="MsiDomainFlags.DynamicMsiX"/>), MSI-X is not allocated, or the table has no such entry. EBUSY: allocated already. ENOSPC as <see cref="Allocate(MsiKind, int)"/>.</returns>
    public Result AllocateAt(int index)
    {
        using EngineLock.Scope held = _lock.Enter();
        if (Kind != MsiKind.MsiX || (Domain.Info.Flags & MsiDomainFlags.DynamicMsiX) == 0)
        {
            return Result.Fail(Errno.EINVAL, $"{Domain.Name} cannot add vectors to {Device.Name} after the first allocation of MSI-X.");
        }

        if ((uint)index >= (uint)_vectors.Length)
        {
            return Result.Fail(Errno.EINVAL, $"{Device.Name} has {_vectors.Length} MSI-X vectors, there is no {index}.");
        }

        if (_vectors[index] is not null)
        {
            return Result.Fail(Errno.EBUSY, $"vector {index} of {Device.Name} is allocated already.");
        }

        Device.SetMask(MsiKind.MsiX, index, true);
        return NoSpace(AllocateBlock(index, 1));
    }

    /// <summary>Gives a vector its handler and lets it arrive (request_irq): activated where it is not yet, the message in the device, unmasked.</summary>
    /// <returns>EINVAL: not allocated. EBUSY: requested already. What mapping the doorbell answered, or EIO as <see cref="Allocate(MsiKind, int)"/>, at <see cref="MappingPoint.Activate"/>. Nothing has changed then.</returns>
    public Result Request(int index, IInterruptHandler handler)
    {
        using EngineLock.Scope held = _lock.Enter();
        MsiVector? vector = Find(index);
        if (vector is null)
        {
            return Result.Fail(Errno.EINVAL, $"vector {index} of {Device.Name} is not allocated.");
        }

        if (vector.IsRequested)
        {
            return Result.Fail(Errno.EBUSY, $"vector {index} of {Device.Name} has a handler already.");
        }

        // In place before anything can arrive.
        vector.Irq.Handler = handler;
        Result activated = IrqDomain.Activate(vector.Irq);
        if (!activated.IsOk)
        {
            vector.Irq.Handler = null;
            return activated;
        }

        vector.IsRequested = true;
        Enable();
        vector.Irq.Data.Chip!.Unmask(vector.Irq.Data);
        Tell(vector, MsiVectorChange.Arm);
        return Result.Ok;
    }

    /// <summary>Takes the handler away (free_irq): masked, the message cleared in the device, the doorbell released (at <see cref="MappingPoint.Activate"/>). The vector stays allocated. Nothing happens for a vector that is not requested.</summary>
    public void FreeIrq(int index)
    {
        using EngineLock.Scope held = _lock.Enter();
        if (Find(index) is { IsRequested: true } vector)
        {
            Disarm(vector);
        }
    }

    /// <summary>Gives every vector back to the controller (pci_free_irq_vectors), requested ones first disarmed, and turns the capability off. The controller keeps the device's table (no MAPD V=0), as Linux does.</summary>
    public void FreeAll()
    {
        using EngineLock.Scope held = _lock.Enter();
        if (Kind is null)
        {
            return;
        }

        if (Kind == MsiKind.Msi)
        {
            // PCI MSI cannot always be masked: off before its message goes, so that no write goes to a cleared address.
            Disable();
        }

        foreach (MsiVector? vector in _vectors)
        {
            if (vector is { IsRequested: true })
            {
                Disarm(vector);
            }
        }

        Disable();
        if (Kind == MsiKind.Msi)
        {
            // Masks are the armed vectors': an MSI that is off has none (captures, msi.disable.snap).
            for (int vector = 0; vector < Device.VectorLimit(MsiKind.Msi); vector++)
            {
                Device.SetMask(MsiKind.Msi, vector, false);
            }
        }

        foreach (IrqDescriptor[] block in _blocks)
        {
            FreeBlock(block);
        }

        _blocks.Clear();
        _vectors = [];
        Kind = null;
    }

    /// <summary>M5: moves a vector to a CPU.</summary>
    /// <returns>EINVAL: not allocated, or no such CPU. What mapping the new doorbell answered. The vector is where it was then.</returns>
    public Result SetAffinity(int index, int cpu)
    {
        using EngineLock.Scope held = _lock.Enter();
        MsiVector? vector = Find(index);
        if (vector is null)
        {
            return Result.Fail(Errno.EINVAL, $"vector {index} of {Device.Name} is not allocated.");
        }

        Result result = vector.SetAffinity(cpu);
        if (result.IsOk)
        {
            Tell(vector, MsiVectorChange.Affinity);
        }

        return result;
    }

    /// <summary><see cref="FreeAll"/>, and the controller forgets the device (MAPD V=0).</summary>
    public void Dispose()
    {
        using EngineLock.Scope held = _lock.Enter();
        FreeAll();
        Unprepare();
        Domain.Forget(Device);
    }

    private void Disarm(MsiVector vector)
    {
        vector.Irq.Data.Chip!.Mask(vector.Irq.Data);
        vector.Irq.Handler = null;
        vector.IsRequested = false;
        IrqDomain.Deactivate(vector.Irq);
        Tell(vector, MsiVectorChange.Disarm);
    }

    private void Enable()
    {
        if (!_enabled)
        {
            _enabled = true;
            Device.SetEnabled(ActiveKind, true, Count);
        }
    }

    private void Disable()
    {
        if (_enabled)
        {
            _enabled = false;
            Device.SetEnabled(ActiveKind, false, Count);
        }
    }

    private MsiVector? Find(int index) => (uint)index < (uint)_vectors.Length ? _vectors[index] : null;

    private void Tell(MsiVector vector, MsiVectorChange change)
    {
        EventStream events = Domain.Events;
        if (events.IsEnabled)
        {
            events.Emit(new MsiVectorEvent
            {
                Change = change,
                Device = Device.Name,
                MsiKind = ActiveKind,
                Vector = vector.Index,
                Irq = vector.Irq.Number,
                Intid = vector.Irq.Intid,
                Cpu = vector.Irq.Affinity,
            });
        }
    }
}
