using Doorbell.Pci;

namespace Doorbell.Vfio;

/// <summary>A device fd: regions, interrupts and reset of one function (vfio-pci).</summary>
public sealed partial class VfioDevice
{
    private const int ConfigRegion = (int)VfioRegionIndex.Config;

    private readonly VfioHost _host;
    private readonly IVfioDeviceOwner _owner;
    private readonly VfioConfigSpace _config;
    private readonly VfioInterrupts _interrupts;
    private int _opens;

    internal VfioDevice(VfioHost host, IVfioDeviceOwner owner, PassthroughDevice device)
    {
        _host = host;
        _owner = owner;
        Device = device;
        _interrupts = new VfioInterrupts(host, device);
        _config = new VfioConfigSpace(device.Function, _interrupts);
    }

    /// <summary>The function behind it.</summary>
    public PassthroughDevice Device { get; }

    /// <summary>Its name in events and sentences.</summary>
    public string Name => Device.Name;

    /// <summary>Vectors armed now: requested from the MSI domain with a message in the device.</summary>
    public int ArmedVectors => _interrupts.ArmedVectors;

    /// <summary>Bytes of config space: 256 or 4096.</summary>
    public ulong ConfigSize => (ulong)Function.Config.Size;

    private PciFunction Function => Device.Function;

    /// <summary>VFIO_DEVICE_GET_INFO.</summary>
    public VfioDeviceInfo GetInfo() => new(CanReset, VfioRegionIndex.Count, VfioIrqIndex.Count);

    /// <summary>VFIO_DEVICE_GET_REGION_INFO; EINVAL for an index that is not there (VGA included: no function here is one).</summary>
    public Result<VfioRegionInfo> GetRegionInfo(uint index)
    {
        if (index < (uint)Function.Bars.Count)
        {
            return InfoOf((int)index);
        }

        return index switch
        {
            VfioRegionIndex.Config => new VfioRegionInfo((ulong)Function.Config.Size, true, true),
            VfioRegionIndex.Rom => default(VfioRegionInfo),
            _ => Result.Fail(Errno.EINVAL, $"{Name} has no region {index}"),
        };
    }

    /// <summary>VFIO_DEVICE_GET_IRQ_INFO; EINVAL for an index that is not there.</summary>
    public Result<VfioIrqInfo> GetIrqInfo(uint index) => _interrupts.GetInfo(index);

    /// <summary>VFIO_DEVICE_SET_IRQS's header alone: the bytes of data that follow it, which the kernel copies next. EINVAL where it is not one.</summary>
    /// <param name="flags">One data type and one action.</param>
    /// <param name="index">Which kind of interrupt: <see cref="VfioIrqIndex"/>.</param>
    /// <param name="start">First vector.</param>
    /// <param name="count">Vectors.</param>
    /// <param name="room">Bytes that the caller says there are behind the header (argsz).</param>
    public Result<int> GetIrqDataSize(VfioIrqSetFlags flags, uint index, uint start, uint count, uint room) => _interrupts.DataSize(flags, index, start, count, room);

    /// <summary>VFIO_DEVICE_SET_IRQS (V5).</summary>
    /// <param name="flags">One data type and one action.</param>
    /// <param name="index">Which kind of interrupt: <see cref="VfioIrqIndex"/>.</param>
    /// <param name="start">First vector.</param>
    /// <param name="count">Vectors.</param>
    /// <param name="bools">With DATA_BOOL: a byte a vector.</param>
    /// <param name="triggers">With DATA_EVENTFD: a trigger a vector, null for -1. The call owns those it is given, on failure too.</param>
    /// <returns>0; or, where fewer vectors are to be had than asked for, their number with nothing armed; or the errno.</returns>
    public Result<int> SetIrqs(VfioIrqSetFlags flags, uint index, uint start, uint count, ReadOnlySpan<byte> bools, ReadOnlySpan<IEventTrigger?> triggers) =>
        _interrupts.Set(flags, index, start, count, bools, triggers);

    /// <summary>The administrator moves an armed vector to a CPU (/proc/irq/N/smp_affinity, M5). EINVAL: not armed, or no such CPU.</summary>
    public Result SetAffinity(int vector, int cpu) => _interrupts.SetAffinity(vector, cpu);

    /// <summary>The host wants the device back, as when its driver is unbound: signals the REQ index (vfio_pci_core_request). False where the user has armed nothing there.</summary>
    public bool RequestBack() => _interrupts.Request();

    /// <summary>VFIO_DEVICE_RESET; EINVAL where the function has no reset of its own.</summary>
    public Result Reset()
    {
        if (!CanReset)
        {
            return Result.Fail(Errno.EINVAL, $"{Name} has no reset of its own: no FLR, no reset by D3hot, and others on its bus");
        }

        ResetKeepingSettings();
        return Result.Ok;
    }

    /// <summary>pread of a region: bytes read. EINVAL: no such region, or past a BAR's end; EFAULT: past the end of config space; EIO: the BAR's space is not enabled.</summary>
    public Result<int> ReadRegion(uint index, ulong offset, Span<byte> destination)
    {
        Wake();
        Result<int> length = CheckAccess(index, offset, destination.Length);
        if (!length.IsOk)
        {
            return length;
        }

        Span<byte> part = destination[..length.Value];
        if (index == ConfigRegion)
        {
            _config.Read((int)offset, part);
            return part.Length;
        }

        for (int done = 0; done < part.Length;)
        {
            ulong at = offset + (ulong)done;
            int size = AccessSize(at, part.Length - done);
            Span<byte> piece = part.Slice(done, size);
            if (IsInMsiXTable(index, at))
            {
                piece.Fill(0xff);
            }
            else
            {
                Function.ReadBar((int)index, at, piece);
            }

            done += size;
        }

        return part.Length;
    }

    /// <summary>pwrite of a region: bytes written; errors as <see cref="ReadRegion"/>. Writes to the MSI-X table are dropped (V5).</summary>
    public Result<int> WriteRegion(uint index, ulong offset, ReadOnlySpan<byte> source)
    {
        Wake();
        Result<int> length = CheckAccess(index, offset, source.Length);
        if (!length.IsOk)
        {
            return length;
        }

        ReadOnlySpan<byte> part = source[..length.Value];
        if (index == ConfigRegion)
        {
            if (_config.Write((int)offset, part))
            {
                ResetKeepingSettings();
            }

            return part.Length;
        }

        for (int done = 0; done < part.Length;)
        {
            ulong at = offset + (ulong)done;
            int size = AccessSize(at, part.Length - done);
            if (!IsInMsiXTable(index, at))
            {
                Function.WriteBar((int)index, at, part.Slice(done, size));
            }

            done += size;
        }

        return part.Length;
    }

    /// <summary>The last reference to this open's file is gone. With the last open: interrupts off, off the bus, reset, back to the group or the cdev (V7).</summary>
    public void Release()
    {
        if (--_opens > 0)
        {
            return;
        }

        LeaveLowPower();
        ReleaseIoEvents();
        Function.Unmap();
        _host.Unmapped(Function);

        // Off the bus first: nothing the function still sends may meet interrupts half torn down.
        Function.SetCommand(Function.Command & ~PciCommand.BusMaster);
        _interrupts.Release();
        Function.SetCommand(PciCommand.None);
        if (CanReset)
        {
            Function.ResetFunction();
        }

        // The state the kernel saved when it had enabled the device: decoding on, off the bus (pci_load_and_free_saved_state).
        Function.SetCommand(DecodeBits());
        _owner.Closed(this);
    }

    internal void AddOpen() => _opens++;

    // pci_try_reset_function saves and restores the state the function had, MSI messages included.
    internal void ResetKeepingSettings()
    {
        PciCommand command = Function.Command;
        Function.ResetFunction();
        Function.SetCommand(command);
        _interrupts.RestoreAfterReset();
    }

    /// <summary>What vfio-pci does before the first user gets the device: off the bus, reset, decoding on.</summary>
    internal void Enable()
    {
        Function.SetCommand(PciCommand.None);
        if (CanReset)
        {
            Function.ResetFunction();
        }

        Function.PowerManagement?.EnterD0();
        Function.SetCommand(DecodeBits());
        _config.Reload();
        _interrupts.Attach();
    }

    // FLR, the way through D3hot, or the bus where the function is alone on it (pci_reset_fn_methods).
    private bool CanReset => Function.Express is { CanReset: true }
        || Function.PowerManagement is { ResetsOnReturn: true }
        || (Function.Bus is { IsRoot: false, Functions.Count: 1 } && !Function.IsBridge);

    private PciCommand DecodeBits()
    {
        PciCommand command = PciCommand.None;
        foreach (PciBar? bar in Function.Bars)
        {
            if (bar is not null)
            {
                command |= bar.IsMemory ? PciCommand.MemorySpace : PciCommand.IoSpace;
            }
        }

        return command;
    }

    private Result<int> CheckAccess(uint index, ulong offset, int length)
    {
        Result<VfioRegionInfo> info = GetRegionInfo(index);
        if (!info.IsOk)
        {
            return info.WithoutValue;
        }

        ulong size = info.Value.Size;
        if (index == ConfigRegion)
        {
            return offset > size || (ulong)length > size - offset
                ? Result.Fail(Errno.EFAULT, $"{Name}: 0x{offset:x} + {length} is past the end of config space (0x{size:x} bytes)")
                : length;
        }

        if (offset >= size)
        {
            return Result.Fail(Errno.EINVAL, $"{Name}: 0x{offset:x} is past the end of region {index} (0x{size:x} bytes)");
        }

        int available = (int)Math.Min((ulong)length, size - offset);
        return Function.IsBarEnabled((int)index) || IsWholeInMsiXTable(index, offset, available) ? available : Disabled(index);
    }

    private Result Disabled(uint index) =>
        Result.Fail(Errno.EIO, $"{Name}: BAR {index} is not decoded: the command register's {(Function.Bars[(int)index]!.IsMemory ? "memory" : "I/O")} space bit is clear");

    // The largest naturally aligned access, as the kernel's copy loop makes them.
    private static int AccessSize(ulong offset, int left) => left switch
    {
        >= 8 when (offset & 7) == 0 => 8,
        >= 4 when (offset & 3) == 0 => 4,
        >= 2 when (offset & 1) == 0 => 2,
        _ => 1,
    };

    private bool IsInMsiXTable(uint index, ulong offset) =>
        Function.MsiX is { } msiX && index == (uint)msiX.TableBar && offset >= msiX.TableOffset && offset < msiX.TableOffset + (ulong)msiX.TableLength;

    private bool IsWholeInMsiXTable(uint index, ulong offset, int length) =>
        length != 0 && IsInMsiXTable(index, offset) && IsInMsiXTable(index, offset + (ulong)length - 1);
}
