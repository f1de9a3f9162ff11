using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Doorbell.Events;
using Doorbell.Iommu;

namespace Doorbell.Fabric;

/// <summary>
/// A function's port to the machine: RequesterID and its StreamID and DeviceID were resolved once, when the machine was
/// built, so that a transaction is translate, decode, deliver.
/// </summary>
public sealed partial class RequesterPort : IRequester
{
    private readonly StreamTableEntry? _stream;
    private readonly PhysicalBus _bus;
    private readonly EventStream _events;
    private long _bytesRead;
    private long _bytesWritten;

    /// <summary>Connects a function.</summary>
    /// <param name="name">The device's name in events.</param>
    /// <param name="requesterId">What it puts on the bus.</param>
    /// <param name="deviceId">What its MSI controller sees (msi-map, IORT).</param>
    /// <param name="stream">Its entry in the IOMMU that translates it; null: none does (IOVA is PA).</param>
    /// <param name="bus">What decodes its addresses.</param>
    /// <param name="events">Where aborts and traced MSIs go.</param>
    public RequesterPort(string name, RequesterId requesterId, DeviceId deviceId, StreamTableEntry? stream, PhysicalBus bus, EventStream events)
    {
        Name = name;
        RequesterId = requesterId;
        DeviceId = deviceId;
        _stream = stream;
        _bus = bus;
        _events = events;
    }

    /// <summary>The device's name in events.</summary>
    public string Name { get; }

    /// <summary>What the function puts on the bus.</summary>
    public RequesterId RequesterId { get; }

    /// <summary>What its MSI controller sees.</summary>
    public DeviceId DeviceId { get; }

    /// <summary>What its IOMMU sees; null where none translates it.</summary>
    public StreamId? StreamId => _stream?.StreamId;

    /// <summary>Bytes the device has read of memory by DMA.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Bytes the device has written to memory by DMA; MSIs do not count.</summary>
    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    /// <inheritdoc/>
    public bool Read(Iova iova, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (!TryTranslateRun(iova, (ulong)destination.Length, IommuProtection.Read, out PhysicalAddress pa, out int length))
            {
                return false;
            }

            if (!_bus.TryGetMemory(pa, out IHostMemory memory, out ulong address))
            {
                return Abort(iova, pa, length, false, "nothing that can be read answers at this physical address");
            }

            if (!memory.TryRead(address, destination[..length]))
            {
                return !memory.HasEnded && Abort(iova, pa, length, false, "the client has unmapped this memory (or made it unreadable) since it was mapped for DMA");
            }

            Interlocked.Add(ref _bytesRead, length);
            iova += (ulong)length;
            destination = destination[length..];
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Write(Iova iova, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            if (!TryTranslateRun(iova, (ulong)source.Length, IommuProtection.Write, out PhysicalAddress pa, out int length))
            {
                return false;
            }

            if (_bus.TryGetMemory(pa, out IHostMemory memory, out ulong address))
            {
                if (!memory.TryWrite(address, source[..length]))
                {
                    return !memory.HasEnded && Abort(iova, pa, length, true, "the client has unmapped this memory (or made it read-only) since it was mapped for DMA");
                }

                Interlocked.Add(ref _bytesWritten, length);
            }
            else if (!WriteFrame(iova, pa, source[..length]))
            {
                return false;
            }

            iova += (ulong)length;
            source = source[length..];
        }

        return true;
    }

    /// <inheritdoc/>
    public bool WriteMsi(Iova iova, uint data)
    {
        MsiHint none = default;
        return WriteMsi(iova, data, ref none);
    }

    /// <inheritdoc/>
    public bool WriteMsi(Iova iova, uint data, ref MsiHint hint)
    {
        PhysicalAddress pa;
        if (_stream is null)
        {
            if (!TryPass(iova, 4, isWrite: true, out pa, isMessage: true))
            {
                return Lose(iova, LostInterruptCause.NoDoorbell, "the machine's bus has 48 bits of address");
            }
        }
        else if (!_stream.TryTranslate(iova, IommuProtection.Write, out pa))
        {
            return Lose(iova, LostInterruptCause.Fault, "the IOMMU lets no write of the device through to there");
        }

        if (_bus.TryGetTarget(pa, out IBusTarget target, out ulong offset))
        {
            if (_events.IsEnabled)
            {
                _events.Emit(new MsiWritten(Name, RequesterId, StreamId, iova, pa, data, target.Name));
            }

            BusWriteOutcome outcome = target.Write32(new BusWrite(offset, data, DeviceId, RequesterId), ref hint);
            return outcome < BusWriteOutcome.Ignored || NotTaken(iova, target, offset, outcome);
        }

        return WriteMsiToMemory(iova, pa, data);
    }

    // A frame that refused has said why itself (N4); one that did nothing has not. It took the write all the same.
    private bool NotTaken(Iova iova, IBusTarget target, ulong offset, BusWriteOutcome outcome)
    {
        if (outcome == BusWriteOutcome.Ignored)
        {
            Lose(iova, LostInterruptCause.NoDoorbell, $"it leads to {target.Name} at offset 0x{offset:x}, a register that raises nothing");
        }

        return outcome != BusWriteOutcome.Refused;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Lose(Iova iova, LostInterruptCause cause, string reason)
    {
        if (_events.IsTroubleHeard)
        {
            _events.Emit(new InterruptLost
            {
                Device = Name,
                Cause = cause,
                Rule = cause == LostInterruptCause.Fault ? "I10" : "N1",
                Reason = $"its message goes to {(_stream is null ? "physical address" : "IOVA")} {iova}: {reason}",
                Remedy = "arm vectors with VFIO_DEVICE_SET_IRQS and leave the device's messages to the host, which maps the doorbell and writes its IOVA",
            });
        }

        return false;
    }

    private bool WriteMsiToMemory(Iova iova, PhysicalAddress pa, uint data)
    {
        // A message a client wrote itself may name its own memory: then it is a plain DMA write (captures, msi:tamper).
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, data);
        if (_bus.TryGetMemory(pa, out IHostMemory memory, out ulong address) && memory.TryWrite(address, bytes))
        {
            return true;
        }

        const string Nobody = "no MSI frame and no memory answers at this physical address";
        Lose(iova, LostInterruptCause.NoDoorbell, Nobody);
        return Abort(iova, pa, 4, true, Nobody, isMessage: true);
    }

    // A DMA write of one aligned word to a frame is an MSI like any other: the bus cannot tell them apart.
    private bool WriteFrame(Iova iova, PhysicalAddress pa, ReadOnlySpan<byte> source)
    {
        if (!_bus.TryGetTarget(pa, out IBusTarget target, out ulong offset))
        {
            return Abort(iova, pa, source.Length, true, "nothing answers at this physical address");
        }

        if (source.Length != 4 || (pa.Value & 3) != 0)
        {
            return Abort(iova, pa, source.Length, true, $"{target.Name} takes aligned 32-bit writes only");
        }

        uint data = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (_events.IsEnabled)
        {
            _events.Emit(new MsiWritten(Name, RequesterId, StreamId, iova, pa, data, target.Name));
        }

        return target.Write32(new BusWrite(offset, data, DeviceId, RequesterId)) != BusWriteOutcome.Refused;
    }

    // The longest run from iova whose translation is contiguous: one copy instead of one a page.
    private bool TryTranslateRun(Iova iova, ulong wanted, IommuProtection access, out PhysicalAddress pa, out int length)
    {
        if (_stream is null)
        {
            length = (int)wanted;
            return TryPass(iova, length, (access & IommuProtection.Write) != 0, out pa);
        }

        length = 0;
        if (!_stream.TryTranslate(iova, access, out pa, out ulong run))
        {
            return false;
        }

        IommuDomain domain = _stream.Domain;
        while (run < wanted && domain.TryTranslate(iova + run, access, out PhysicalAddress next, out ulong more) && next == pa + run)
        {
            run += more;
        }

        length = (int)Math.Min(run, wanted);
        return true;
    }

    // What the top half-word names is client memory's place in the host's books and no address the machine's bus carries: without
    // an IOMMU nobody's memory is reached there.
    private bool TryPass(Iova iova, int length, bool isWrite, out PhysicalAddress pa, bool isMessage = false)
    {
        pa = new PhysicalAddress(iova.Value);
        return PhysicalBus.IsMachineAddress(pa) || Abort(iova, pa, length, isWrite, "the machine's bus has 48 bits of address", isMessage);
    }

    private bool Abort(Iova iova, PhysicalAddress pa, int length, bool isWrite, string reason, bool isMessage = false)
    {
        if (_events.IsTroubleHeard)
        {
            _events.Emit(new BusAbort(Name, iova, pa, (ulong)length, isWrite, reason) { IsMessage = isMessage });
        }

        return false;
    }
}
