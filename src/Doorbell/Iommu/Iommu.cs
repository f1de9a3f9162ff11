using System.Collections.Concurrent;
using Doorbell.Events;
using Doorbell.Iommu.Events;

namespace Doorbell.Iommu;

/// <summary>One IOMMU of the machine: its streams and the domains they go through.</summary>
public sealed class Iommu
{
    private readonly ConcurrentDictionary<uint, StreamTableEntry> _streams = new();
    private readonly EngineLock _attachLock = new("attach");
    private readonly IReadOnlyList<ReservedRegion> _reservedRegions;

    private int _lastDomain;
    private long _faultCount;
    private long _streamInvalidationCount;

    /// <summary>A unit with every stream unattached.</summary>
    /// <param name="name">In events and sentences: <c>smmu@9050000</c>.</param>
    /// <param name="model">Its kind.</param>
    /// <param name="events">The machine's events.</param>
    /// <param name="options">What the board chooses.</param>
    /// <exception cref="ArgumentOutOfRangeException">The architecture has no such granule, input size or StreamID size.</exception>
    public Iommu(string name, IommuModel model, EventStream events, IommuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new IommuOptions();
        Name = name;
        Model = model;
        Events = events;
        TableLimit = options.TableLimit;
        Format = PageTableFormat.Arm(options.Granule, options.InputBits ?? model.InputBits, model.IsStage2);
        StreamIdBits = options.StreamIdBits ?? model.StreamIdBits;
        ArgumentOutOfRangeException.ThrowIfLessThan(StreamIdBits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(StreamIdBits, model.MaxStreamIdBits);
        if (options.UnattachedStreams is not (IommuDomainType.Blocked or IommuDomainType.Identity))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.UnattachedStreams, "unattached streams are blocked or go through untranslated");
        }

        ClaimsInterruptRemapping = model.CanRemapInterrupts && options.InterruptRemapping;
        HardwareMsi = options.HardwareMsi?.ToArray() ?? (model.HardwareMsi is { } range ? [range] : []);
        _reservedRegions = options.ReservedRegions ?? (HardwareMsi.Length != 0 ? HardwareMsi : [ReservedRegion.DefaultSoftwareMsi]);
        UnattachedDomain = new IommuDomain(this, 0, options.UnattachedStreams);
    }

    /// <summary>Name in events and sentences.</summary>
    public string Name { get; }

    /// <summary>Its kind.</summary>
    public IommuModel Model { get; }

    /// <summary>The shape of its domains' tables.</summary>
    public PageTableFormat Format { get; }

    /// <summary>Bits of StreamID.</summary>
    public int StreamIdBits { get; }

    /// <summary>I2 (IOMMU_CAP_INTR_REMAP): never of an SMMU; of an x86 unit while remapping is on.</summary>
    public bool ClaimsInterruptRemapping { get; }

    /// <summary>What unattached streams see: domain 0, blocked unless the board says otherwise. It is never freed.</summary>
    public IommuDomain UnattachedDomain { get; }

    /// <summary>Faults of all streams (I10).</summary>
    public long FaultCount => Volatile.Read(ref _faultCount);

    /// <summary>Invalidations of what is cached of a stream's entry so far; those of translations are counted a domain.</summary>
    public long StreamInvalidationCount => Volatile.Read(ref _streamInvalidationCount);

    /// <summary>I1: MSI writes go through the tables like any write. False where hardware takes them out before, on this board or by the model.</summary>
    public bool TranslatesMsi => HardwareMsi.Length == 0;

    /// <summary>Where it does.</summary>
    internal ReservedRegion[] HardwareMsi { get; }

    internal EventStream Events { get; }

    internal int TableLimit { get; }

    /// <summary>A new domain of this unit, with nothing mapped and nobody attached.</summary>
    public IommuDomain AllocateDomain(IommuDomainType type) => new(this, Interlocked.Increment(ref _lastDomain), type);

    /// <summary>The stream's entry: always the same object.</summary>
    public StreamTableEntry GetStream(StreamId stream) =>
        _streams.GetOrAdd(stream.Value, static (value, iommu) => new StreamTableEntry(iommu, new StreamId(value), value >> (iommu.StreamIdBits - 1) <= 1, iommu.UnattachedDomain), this);

    /// <summary>The unit's own reserved regions (I9); a device may have more.</summary>
    public IReadOnlyList<ReservedRegion> GetReservedRegions() => _reservedRegions;

    /// <summary>Sends the stream's transactions through the domain from now on, whatever they went through before.</summary>
    /// <returns>EINVAL: the domain is another unit's or has been freed. ERANGE: the unit has no such stream.</returns>
    public Result Attach(StreamId stream, IommuDomain domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (domain.Iommu != this)
        {
            return Result.Fail(Errno.EINVAL, $"{Name}: stream {stream} cannot be attached to {domain}: the domain is another unit's");
        }

        StreamTableEntry entry = GetStream(stream);
        if (!entry.IsValid)
        {
            return Result.Fail(Errno.ERANGE, $"{Name}: stream {stream} does not fit in {StreamIdBits} bits ({Model.NameOf(IommuFaultReason.BadStream)})");
        }

        using (_attachLock.Enter())
        {
            if (domain.IsFreed)
            {
                return Result.Fail(Errno.EINVAL, $"{Name}: stream {stream} cannot be attached to {domain}: it has been freed");
            }

            entry.Domain.Streams.Remove(entry);
            if (domain != UnattachedDomain)
            {
                domain.Streams.Add(entry);
            }

            entry.SetDomain(domain);
            InvalidateConfiguration(entry);
        }

        if (Events.IsEnabled)
        {
            EmitInvalidate(entry);
            Events.Emit(new IommuAttachEvent(Name, stream, domain.Id, domain.Type));
        }

        return Result.Ok;
    }

    /// <summary>Takes the stream out of its domain, back to what unattached streams see. Does nothing when it is attached to none.</summary>
    public void Detach(StreamId stream)
    {
        StreamTableEntry entry = GetStream(stream);
        Detach(entry, entry.Domain);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Model})";

    internal void DetachAll(IommuDomain domain)
    {
        StreamTableEntry[] streams;
        using (_attachLock.Enter())
        {
            streams = [.. domain.Streams];
        }

        foreach (StreamTableEntry entry in streams)
        {
            Detach(entry, domain);
        }
    }

    // Only out of that domain: it may have been attached to another in the meantime.
    private void Detach(StreamTableEntry entry, IommuDomain domain)
    {
        using (_attachLock.Enter())
        {
            if (domain == UnattachedDomain || !domain.Streams.Remove(entry))
            {
                return;
            }

            entry.SetDomain(UnattachedDomain);
            InvalidateConfiguration(entry);
        }

        if (Events.IsEnabled)
        {
            EmitInvalidate(entry);
            Events.Emit(new IommuDetachEvent(Name, entry.StreamId, domain.Id));
        }
    }

    // When this returns, no transaction goes through the domain the stream was in (I7: it may be unmapped and freed).
    private void InvalidateConfiguration(StreamTableEntry entry)
    {
        entry.InvalidateConfiguration();
        Volatile.Write(ref _streamInvalidationCount, _streamInvalidationCount + 1);
    }

    private void EmitInvalidate(StreamTableEntry entry) => Events.Emit(new IommuStreamInvalidateEvent(Name, entry.StreamId, Model.StreamInvalidation));

    internal void CountFault() => Interlocked.Increment(ref _faultCount);
}
