using Doorbell.Msi;

namespace Doorbell.Vfio;

/// <summary>The armed messages of a device: vectors of its MSI domain and the trigger each signals. The trigger is the vector's handler, so that a delivery comes to it without a detour.</summary>
internal sealed class MsiInterrupts(MsiKind kind, IMsiDevice device, MsiDeviceVectors vectors)
{
    private readonly IEventTrigger?[] _triggers = new IEventTrigger?[device.VectorLimit(kind)];

    public MsiKind Kind { get; } = kind;

    public int Armed { get; private set; }

    /// <summary>Vectors there can be.</summary>
    public int Limit => _triggers.Length;

    public bool IsArmed(int vector) => _triggers[vector] is not null;

    public Result SetAffinity(int vector, int cpu) => vectors.SetAffinity(vector, cpu);

    public void Signal(int vector) => Volatile.Read(ref _triggers[vector])?.Signal();

    /// <summary>Arms a run of vectors, or lets go of those with no trigger; all or nothing of this run on failure.</summary>
    public Result SetBlock(int start, ReadOnlySpan<IEventTrigger?> triggers, bool isDynamic, ref int taken)
    {
        for (int i = 0; i < triggers.Length; i++)
        {
            int vector = start + i;
            if (!vectors.IsAllocated(vector) && triggers[i] is not null)
            {
                Result added = isDynamic
                    ? vectors.AllocateAt(vector)
                    : Result.Fail(Errno.EINVAL, $"vector {vector} was not among those first armed, and this controller cannot add vectors later");
                if (!added.IsOk)
                {
                    Undo(start, i);
                    return added;
                }
            }

            Free(vector);
            if (triggers[i] is not { } trigger)
            {
                continue;
            }

            if (trigger.Defect != Errno.None)
            {
                Undo(start, i);
                return Result.Fail(trigger.Defect, $"what vector {vector} should signal is not an eventfd");
            }

            Volatile.Write(ref _triggers[vector], trigger);
            taken = i + 1;
            Result requested = vectors.Request(vector, trigger);
            if (!requested.IsOk)
            {
                Volatile.Write(ref _triggers[vector], null);
                trigger.Release();
                Undo(start, i);
                return requested;
            }

            Armed++;
        }

        taken = triggers.Length;
        return Result.Ok;
    }

    public void Disable()
    {
        // The MSI layer knows in which order a capability is turned off and its messages cleared (N1).
        vectors.FreeAll();
        for (int vector = 0; vector < _triggers.Length; vector++)
        {
            IEventTrigger? trigger = _triggers[vector];
            Volatile.Write(ref _triggers[vector], null);
            trigger?.Release();
        }

        Armed = 0;
    }

    /// <summary>A reset cleared the device's messages: what is armed is written again, as pci_restore_msi_state does.</summary>
    public void RestoreAfterReset() => vectors.Restore();

    private void Undo(int start, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Free(start + i);
        }
    }

    private void Free(int vector)
    {
        if (_triggers[vector] is not { } trigger)
        {
            return;
        }

        vectors.FreeIrq(vector);
        Volatile.Write(ref _triggers[vector], null);
        trigger.Release();
        Armed--;
    }
}
