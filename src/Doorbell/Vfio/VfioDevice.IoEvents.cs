using System.Buffers.Binary;

namespace Doorbell.Vfio;

/// <content>VFIO_DEVICE_IOEVENTFD: an eventfd whose signal is a register write.</content>
public sealed partial class VfioDevice
{
    /// <summary>VFIO_PCI_IOEVENTFD_MAX: most ioeventfds of a device.</summary>
    public const int MaxIoEvents = 1000;

    private const string IoEventOperation = "VFIO_DEVICE_IOEVENTFD";

    private readonly List<IoEvent> _ioEvents = [];

    /// <summary>VFIO_DEVICE_IOEVENTFD: from now on a signal of the source writes <paramref name="data"/> to the register; or no longer does.</summary>
    /// <param name="index">Region; only BARs have registers.</param>
    /// <param name="offset">Bytes into it.</param>
    /// <param name="data">What is written; bytes beyond <paramref name="size"/> are told apart and not written.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    /// <param name="source">An eventfd that is also an <see cref="IEventSource"/>; null takes the ioeventfd of the same place, data and size away. The call owns it, on failure too.</param>
    /// <returns>
    /// EINVAL: no BAR, past its end, in the MSI-X table, or no source; EEXIST: there is one of the same place, data and size; ENODEV: there is none to
    /// take away; ENOSPC: <see cref="MaxIoEvents"/> there are; the source's own defect last (vfio_pci_ioeventfd).
    /// </returns>
    public Result SetIoEvent(uint index, ulong offset, ulong data, int size, IEventTrigger? source)
    {
        Result set = CheckIoEvent(index, offset, size);
        if (set.IsOk)
        {
            set = SetChecked(new IoEvent(index, offset, data, size, source));
        }

        if (!set.IsOk)
        {
            source?.Release();
        }

        return set;
    }

    private Result CheckIoEvent(uint index, ulong offset, int size)
    {
        if (index >= (uint)Function.Bars.Count || Function.Bars[(int)index] is not { } bar)
        {
            return RefuseIoEvent(Errno.EINVAL, $"region {index} is no BAR");
        }

        if (offset > bar.Size || (ulong)size > bar.Size - offset)
        {
            return RefuseIoEvent(Errno.EINVAL, $"0x{offset:x} + {size} is past the end of region {index} (0x{bar.Size:x} bytes)");
        }

        // The user must not write messages this way either (V5).
        return Function.MsiX is { } msiX && index == (uint)msiX.TableBar && offset + (ulong)size > msiX.TableOffset && offset < msiX.TableOffset + (ulong)msiX.TableLength
            ? RefuseIoEvent(Errno.EINVAL, $"0x{offset:x} of region {index} is in the MSI-X table")
            : Result.Ok;
    }

    private Result SetChecked(IoEvent wanted)
    {
        if (_ioEvents.Find(wanted.IsSameWrite) is { } known)
        {
            if (wanted.Source is not null)
            {
                return RefuseIoEvent(Errno.EEXIST, $"0x{wanted.Data:x} to 0x{wanted.Offset:x} of region {wanted.Index} has its eventfd already");
            }

            _ioEvents.Remove(known);
            known.Source!.Release();
            return Result.Ok;
        }

        if (wanted.Source is null)
        {
            return RefuseIoEvent(Errno.ENODEV, $"no eventfd writes 0x{wanted.Data:x} to 0x{wanted.Offset:x} of region {wanted.Index}");
        }

        if (_ioEvents.Count == MaxIoEvents)
        {
            return RefuseIoEvent(Errno.ENOSPC, $"{MaxIoEvents} ioeventfds are all that a device has");
        }

        Errno defect = wanted.Source.Defect != Errno.None ? wanted.Source.Defect
            : wanted.Source is IEventSource source ? source.Listen(() => Write(wanted))
            : Errno.EINVAL;
        if (defect != Errno.None)
        {
            return RefuseIoEvent(defect, "what it should wait for is not an eventfd");
        }

        _ioEvents.Add(wanted);
        return Result.Ok;
    }

    // Nobody hears of a write to a BAR that is not decoded, or of a device that sleeps and is not woken by it; the kernel drops it as well.
    private void Write(IoEvent written)
    {
        if (_isLowPower)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, written.Data);
        Synchronize();
        WriteRegion(written.Index, written.Offset, bytes[..written.Size]);
        Synchronize();
    }

    private void ReleaseIoEvents()
    {
        foreach (IoEvent each in _ioEvents)
        {
            each.Source!.Release();
        }

        _ioEvents.Clear();
    }

    private Result RefuseIoEvent(Errno errno, string reason) => _host.Refuse(IoEventOperation, Name, errno, null, $"{Name}: {reason}");

    private sealed record IoEvent(uint Index, ulong Offset, ulong Data, int Size, IEventTrigger? Source)
    {
        public bool IsSameWrite(IoEvent other) => (Index, Offset, Data, Size) == (other.Index, other.Offset, other.Data, other.Size);
    }
}
