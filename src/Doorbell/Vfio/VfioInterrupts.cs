using System.Numerics;
using Doorbell.Events;
using Doorbell.Msi;
using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>The interrupts of a device: which kind is in use, what each vector signals, and the SET_IRQS modes (V5).</summary>
internal sealed class VfioInterrupts(VfioHost host, PassthroughDevice device) : Pci.IPciErrorSink
{
    private const string Operation = "VFIO_DEVICE_SET_IRQS";
    private const string NoEventFd = "the descriptor given is not an eventfd";

    private readonly IntxInterrupt _intx = new(device.Function);
    private IEventTrigger? _error;
    private IEventTrigger? _request;
    private MsiInterrupts? _messages;

    public bool IsMsiArmed => _messages is { Kind: MsiKind.Msi };

    public int ArmedVectors => _messages?.Armed ?? 0;

    /// <summary>Messages last armed, as a power of two: what the user may set in multiple message enable (vfio_pci's msi_qmax).</summary>
    public int MessageOrder { get; private set; }

    public void Attach()
    {
        _intx.Attach();
        device.Function.ErrorSink = this;
    }

    /// <summary>ERR: the user is told that the device reported an error, and decides (vfio_pci_core_aer_err_detected).</summary>
    public void OnError(Pci.PciFunction function) => Volatile.Read(ref _error)?.Signal();

    /// <summary>REQ: the user is asked for the device. False where he does not listen.</summary>
    public bool Request()
    {
        _request?.Signal();
        return _request is not null;
    }

    public Result<VfioIrqInfo> GetInfo(uint index)
    {
        uint count = CountOf(index);
        if (index >= VfioIrqIndex.Count)
        {
            return Result.Fail(Errno.EINVAL, $"{device.Name} has no interrupt index {index}");
        }

        VfioIrqInfoFlags flags = VfioIrqInfoFlags.Eventfd;
        if (index == VfioIrqIndex.Intx)
        {
            flags |= VfioIrqInfoFlags.Maskable | VfioIrqInfoFlags.Automasked;
        }
        else if (index != VfioIrqIndex.MsiX || !IsDynamic)
        {
            flags |= VfioIrqInfoFlags.NoResize;
        }

        return new VfioIrqInfo(flags, count);
    }

    /// <summary>What the header says, judged before anything behind it is looked at: how many bytes of data follow it.</summary>
    public Result<int> DataSize(VfioIrqSetFlags flags, uint index, uint start, uint count, uint room)
    {
        int size = (flags & VfioIrqSetFlags.DataAll) switch
        {
            VfioIrqSetFlags.DataBool => sizeof(byte),
            VfioIrqSetFlags.DataEventfd => sizeof(int),
            _ => 0,
        };
        Result<int> header = ValidateHeader(flags, index, start, count);
        return !header.IsOk ? header
            : room < (ulong)size * count ? Refuse(Errno.EINVAL, index, "there is less data than vectors")
            : size * (int)count;
    }

    public Result<int> Set(VfioIrqSetFlags flags, uint index, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers)
    {
        int taken = 0;
        Result<int> result = Validate(flags, index, start, count, bools, triggers);
        if (result.IsOk)
        {
            result = Dispatch(flags, index, start, count, bools, triggers, ref taken);
        }

        for (int i = taken; i < triggers.Length; i++)
        {
            triggers[i]?.Release();
        }

        return result;
    }

    public Result SetAffinity(int vector, int cpu) =>
        _messages?.SetAffinity(vector, cpu) ?? Result.Fail(Errno.EINVAL, $"{device.Name} has no message signalled interrupt armed");

    public void SetUserIntxDisable(bool disable) => _intx.SetUserDisable(disable);

    public void RestoreAfterReset()
    {
        _intx.Refresh();
        _messages?.RestoreAfterReset();
    }

    public void Release()
    {
        DisableMessages();
        _intx.Disable();
        _intx.Detach();
        if (device.Function.ErrorSink == this)
        {
            device.Function.ErrorSink = null;
        }

        Replace(ref _error, null);
        Replace(ref _request, null);
    }

    private bool IsDynamic => device.Function.MsiX is not null && device.MsiDomain is { } domain && (domain.Info.Flags & MsiDomainFlags.DynamicMsiX) != 0;

    private uint CountOf(uint index) => index switch
    {
        VfioIrqIndex.Intx => device.Function.Config.Read8(Pci.PciHeader.InterruptPin) != 0 ? 1u : 0,
        VfioIrqIndex.Msi => (uint)device.MsiDevice.VectorLimit(MsiKind.Msi),
        VfioIrqIndex.MsiX => (uint)device.MsiDevice.VectorLimit(MsiKind.MsiX),
        VfioIrqIndex.Error or VfioIrqIndex.Request => 1,
        _ => 0,
    };

    // vfio_set_irqs_validate_and_prepare: the header alone, before the index's own rules.
    private Result<int> ValidateHeader(VfioIrqSetFlags flags, uint index, uint start, uint count)
    {
        if (index >= VfioIrqIndex.Count)
        {
            return Refuse(Errno.EINVAL, index, "there is no such interrupt index");
        }

        if ((flags & ~(VfioIrqSetFlags.DataAll | VfioIrqSetFlags.ActionAll)) != 0)
        {
            return Refuse(Errno.EINVAL, index, $"flags 0x{(uint)flags:x} are unknown");
        }

        uint available = CountOf(index);
        if (start >= available || count > available - start)
        {
            return Refuse(Errno.EINVAL, index, $"vectors {start} + {count} are not among the {available} there are");
        }

        return BitOperations.PopCount((uint)(flags & VfioIrqSetFlags.DataAll)) == 1 ? 0 : Refuse(Errno.EINVAL, index, "exactly one data type must be named");
    }

    private Result<int> Validate(VfioIrqSetFlags flags, uint index, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers)
    {
        Result<int> header = ValidateHeader(flags, index, start, count);
        bool isEnough = (flags & VfioIrqSetFlags.DataAll) switch
        {
            VfioIrqSetFlags.DataBool => (uint)bools.Length >= count,
            VfioIrqSetFlags.DataEventfd => (uint)triggers.Length >= count,
            _ => true,
        };
        return header.IsOk && !isEnough ? Refuse(Errno.EINVAL, index, "there is less data than vectors") : header;
    }

    private Result<int> Dispatch(VfioIrqSetFlags flags, uint index, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers, ref int taken)
    {
        VfioIrqSetFlags data = flags & VfioIrqSetFlags.DataAll;
        VfioIrqSetFlags action = flags & VfioIrqSetFlags.ActionAll;
        switch (index, action)
        {
            case (VfioIrqIndex.Intx, VfioIrqSetFlags.ActionMask or VfioIrqSetFlags.ActionUnmask):
                return MaskIntx(data, start, count, bools, triggers, action == VfioIrqSetFlags.ActionMask, ref taken);
            case (VfioIrqIndex.Intx, VfioIrqSetFlags.ActionTrigger):
                return TriggerIntx(data, start, count, bools, triggers, ref taken);
            case (VfioIrqIndex.Msi, VfioIrqSetFlags.ActionTrigger):
                return TriggerMessages(MsiKind.Msi, index, data, start, count, bools, triggers, ref taken);
            case (VfioIrqIndex.MsiX, VfioIrqSetFlags.ActionTrigger):
                return TriggerMessages(MsiKind.MsiX, index, data, start, count, bools, triggers, ref taken);
            case (VfioIrqIndex.Error, VfioIrqSetFlags.ActionTrigger):
                return TriggerSingle(ref _error, index, data, count, bools, triggers, ref taken);
            case (VfioIrqIndex.Request, VfioIrqSetFlags.ActionTrigger):
                return TriggerSingle(ref _request, index, data, count, bools, triggers, ref taken);
            default:
                return Refuse(Errno.ENOTTY, index, $"the index does not know the action of flags 0x{(uint)flags:x}");
        }
    }

    private Result<int> MaskIntx(VfioIrqSetFlags data, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers, bool mask, ref int taken)
    {
        if (!_intx.IsEnabled || start != 0 || count != 1)
        {
            return Refuse(Errno.EINVAL, VfioIrqIndex.Intx, "INTx is not armed, or the range is not its one vector");
        }

        if (data == VfioIrqSetFlags.DataEventfd && mask)
        {
            return Refuse(Errno.ENOTTY, VfioIrqIndex.Intx, "masking by eventfd is not there, in Linux neither");
        }

        if (data == VfioIrqSetFlags.DataEventfd)
        {
            Errno defect = _intx.SetUnmask(triggers[0]);
            if (defect != Errno.None)
            {
                return Refuse(defect, VfioIrqIndex.Intx, defect == Errno.EBUSY ? "an eventfd unmasks it already; -1 takes that away" : NoEventFd);
            }

            taken = 1;
            return 0;
        }

        if (data == VfioIrqSetFlags.DataNone || bools[0] != 0)
        {
            _intx.SetMask(mask);
        }

        return 0;
    }

    private Result<int> TriggerIntx(VfioIrqSetFlags data, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers, ref int taken)
    {
        if (_intx.IsEnabled && count == 0 && data == VfioIrqSetFlags.DataNone)
        {
            _intx.Disable();
            return 0;
        }

        if (_messages is not null || start != 0 || count != 1)
        {
            return Refuse(Errno.EINVAL, VfioIrqIndex.Intx, _messages is not null ? "message signalled interrupts are armed; disable them first" : "INTx has one vector");
        }

        if (data == VfioIrqSetFlags.DataEventfd)
        {
            if (triggers[0] is { Defect: not Errno.None and Errno defect })
            {
                return Refuse(defect, VfioIrqIndex.Intx, NoEventFd);
            }

            taken = 1;
            _intx.Enable(triggers[0]);
            return 0;
        }

        if (!_intx.IsEnabled)
        {
            return NothingArmed(VfioIrqIndex.Intx, count);
        }

        if (data == VfioIrqSetFlags.DataNone || bools[0] != 0)
        {
            _intx.Signal();
        }

        return 0;
    }

    private Result<int> TriggerMessages(MsiKind kind, uint index, VfioIrqSetFlags data, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers, ref int taken)
    {
        bool isThis = _messages is { } armed && armed.Kind == kind;
        if (isThis && count == 0 && data == VfioIrqSetFlags.DataNone)
        {
            DisableMessages();
            return 0;
        }

        if (!isThis && (_messages is not null || _intx.IsEnabled))
        {
            return Refuse(Errno.EINVAL, index, "another kind of interrupt is armed; disable it first (DATA_NONE, ACTION_TRIGGER, count 0)");
        }

        if (data == VfioIrqSetFlags.DataEventfd)
        {
            return Arm(kind, index, start, triggers[..(int)count], ref taken);
        }

        if (!isThis)
        {
            return NothingArmed(index, count);
        }

        for (uint i = 0; i < count; i++)
        {
            if (data == VfioIrqSetFlags.DataNone || bools[(int)i] != 0)
            {
                _messages!.Signal((int)(start + i));
            }
        }

        return 0;
    }

    private Result<int> Arm(MsiKind kind, uint index, uint start, ReadOnlySpan<IEventTrigger?> triggers, ref int taken)
    {
        bool isNew = _messages is null;
        if (isNew)
        {
            // Without a trigger but with a start there are vectors up to it, none of which has anybody to tell (vfio_msi_enable takes start + count).
            if (start == 0 && triggers.Length == 0)
            {
                return Refuse(Errno.ERANGE, index, "arming needs at least one vector");
            }

            if (device.MsiDomain is not { } domain)
            {
                return Refuse(Errno.ENOSPC, index, "no MSI controller takes this device's messages");
            }

            MsiDeviceVectors vectors = domain.CreateDeviceVectors(device.MsiDevice);
            int wanted = (int)start + triggers.Length;
            Result<int> allocated = vectors.AllocateRange(kind, 1, wanted);
            if (!allocated.IsOk)
            {
                return Refuse(allocated.Errno, index, allocated.Reason);
            }

            if (allocated.Value < wanted)
            {
                // The kernel's answer is the number there is; a client tries again with that, and a person is told why.
                vectors.FreeAll();
                Refuse(Errno.ENOSPC, index, $"{domain.Name} has {allocated.Value} of the {wanted} vectors asked for; the call answers with that number");
                return allocated.Value;
            }

            _messages = new MsiInterrupts(kind, device.MsiDevice, vectors);
            MessageOrder = kind == MsiKind.Msi ? BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)wanted)) : MessageOrder;
        }

        Result result = _messages!.SetBlock((int)start, triggers, IsDynamic && kind == MsiKind.MsiX, ref taken);
        if (!result.IsOk)
        {
            if (isNew)
            {
                DisableMessages();
            }

            return Refuse(result.Errno, index, result.Reason);
        }

        return 0;
    }

    private void DisableMessages()
    {
        if (_messages is not null && host.Events.IsTroubleHeard)
        {
            TellPending(_messages);
        }

        _messages?.Disable();
        _messages = null;
    }

    // What waits behind a mask when its vector is let go reaches nobody any more.
    private void TellPending(MsiInterrupts messages)
    {
        PciFunction function = device.Function;
        for (int vector = 0; vector < messages.Limit; vector++)
        {
            bool isPending = messages.IsArmed(vector) && (messages.Kind == MsiKind.MsiX ? function.MsiX!.IsPending(vector) : (function.Msi!.Pending >> vector & 1) != 0);
            if (isPending)
            {
                host.Events.Emit(new InterruptLost
                {
                    Device = device.Name,
                    Vector = vector,
                    Cause = LostInterruptCause.Masked,
                    Reason = $"it waited behind the {(messages.Kind == MsiKind.MsiX ? "mask of its MSI-X entry, the function's mask" : "mask bit of its MSI capability")} or a bus mastering that was off, and the vector was let go before it could be sent",
                    Remedy = "unmask the vector (and keep bus mastering on) before letting go of it",
                });
            }
        }
    }

    private Result<int> TriggerSingle(ref IEventTrigger? slot, uint index, VfioIrqSetFlags data, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers, ref int taken)
    {
        switch (data)
        {
            case VfioIrqSetFlags.DataNone when slot is null:
                return Refuse(Errno.EINVAL, index, "it is not armed");
            case VfioIrqSetFlags.DataNone when count == 0:
                Replace(ref slot, null);
                return 0;
            case VfioIrqSetFlags.DataNone:
                slot.Signal();
                return 0;
            case VfioIrqSetFlags.DataBool when count != 0:
                if (bools[0] != 0)
                {
                    slot?.Signal();
                }

                return 0;
            case VfioIrqSetFlags.DataEventfd when count != 0 && triggers[0] is { Defect: not Errno.None and Errno defect }:
                return Refuse(defect, index, NoEventFd);
            case VfioIrqSetFlags.DataEventfd when count != 0:
                taken = 1;
                Replace(ref slot, triggers[0]);
                return 0;
            default:
                return Refuse(Errno.EINVAL, index, "the count is zero");
        }
    }

    // An error may be reported while its trigger goes: a trigger takes a late signal in its stride.
    private static void Replace(ref IEventTrigger? slot, IEventTrigger? next)
    {
        IEventTrigger? before = slot;
        Volatile.Write(ref slot, next);
        before?.Release();
    }

    // Every client disables an index to be sure, armed or not; the kernel says EINVAL to it, and nobody needs to be told why.
    private Result<int> NothingArmed(uint index, uint count) => count == 0
        ? Result.Fail(Errno.EINVAL, $"{device.Name}: interrupt index {index} is not armed")
        : Refuse(Errno.EINVAL, index, "no vector is armed");

    private Result Refuse(Errno errno, uint index, string reason)
    {
        string name = index switch
        {
            VfioIrqIndex.Intx => "INTx",
            VfioIrqIndex.Msi => "MSI",
            VfioIrqIndex.MsiX => "MSI-X",
            VfioIrqIndex.Error => "ERR",
            VfioIrqIndex.Request => "REQ",
            _ => $"index {index}",
        };
        return host.Refuse(Operation, device.Name, errno, null, $"{device.Name} {name}: {reason}");
    }
}
