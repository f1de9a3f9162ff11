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
    private readonly StreamMap? _streamMap;
    private readonly uint _streamMatchMask;

    private int _lastDomain;
    private IommuFault? _lastFault;
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
        int inputBits = options.InputBits ?? model.InputBits;
        Format = model.TranslatesMsi ? PageTableFormat.Arm(options.Granule, inputBits, model.IsStage2) : PageTableFormat.X86(options.Granule, inputBits);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.OutputBits, 32);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.OutputBits, 52);
        OutputBits = options.OutputBits;
        if (model.MatchesStreams)
        {
            _streamMap = new StreamMap(name, options.StreamMappingGroups, options.ContextBanks);
            _streamMatchMask = options.StreamMatchMask;
        }

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

    /// <summary>Bits of the PA it puts out, of the machine's own addresses (<see cref="IommuOptions.OutputBits"/>).</summary>
    public int OutputBits { get; }

    /// <summary>SMMUv2: streams that a stream mapping register group matches; else those attached are not counted.</summary>
    public int MatchedStreams => _streamMap?.MatchedStreams ?? 0;

    /// <summary>SMMUv2: context banks in use.</summary>
    public int ContextBanksInUse => _streamMap?.Contexts ?? 0;

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

    /// <summary>The last transaction it refused; null while it has refused none (I10).</summary>
    public IommuFault? LastFault => Volatile.Read(ref _lastFault);

    /// <summary>The last PA of the machine's own map that it can put out.</summary>
    internal ulong LastOutput => (1UL << Math.Min(OutputBits, 48)) - 1;

    internal EventStream Events { get; }

    internal int TableLimit { get; }

    /// <summary>A new domain of this unit, with nothing mapped and nobody attached.</summary>
    public IommuDomain AllocateDomain(IommuDomainType type) => new(this, Interlocked.Increment(ref _lastDomain), type);

    /// <summary>The stream's entry: always the same object, and one for all streams the unit does not tell apart (<see cref="IommuOptions.StreamMatchMask"/>).</summary>
    public StreamTableEntry GetStream(StreamId stream) =>
        _streams.GetOrAdd(stream.Value & ~_streamMatchMask, static (value, iommu) => new StreamTableEntry(iommu, new StreamId(value), value >> (iommu.StreamIdBits - 1) <= 1, iommu.UnattachedDomain), this);

    /// <summary>The unit's own reserved regions (I9); a device may have more.</summary>
    public IReadOnlyList<ReservedRegion> GetReservedRegions() => _reservedRegions;

    /// <summary>Sends the stream's transactions through the domain from now on, whatever they went through before.</summary>
    /// <returns>
    /// EINVAL: the domain is another unit's or has been freed. ERANGE: the unit has no such stream. ENOSPC: an SMMUv2 has no stream mapping
    /// register group or no context bank left. The stream stays where it was then.
    /// </returns>
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

            if (_streamMap is not null && domain != UnattachedDomain)
            {
                Result taken = _streamMap.Take(entry, domain);
                if (!taken.IsOk)
                {
                    return taken;
                }
            }

            entry.Domain.Streams.Remove(entry);
            if (domain != UnattachedDomain)
            {
                domain.Streams.Add(entry);
            }

            entry.SetDomain(domain);
            InvalidateConfiguration(entry);
            if (domain == UnattachedDomain)
            {
                _streamMap?.Release(entry);
            }
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
            _streamMap?.Release(entry);
        }

        if (Events.IsEnabled)
        {
            EmitInvalidate(entry);
            Events.Emit(new IommuDetachEvent(Name, entry.StreamId, domain.Id));
        }
    }

    // No transaction that begins after this goes through the domain the stream was in (I7: it may be unmapped and freed). One that has
    // its domain already finds there what is still mapped, as one that hardware has translated already goes where it goes.
    private void InvalidateConfiguration(StreamTableEntry entry)
    {
        entry.InvalidateConfiguration();
        Volatile.Write(ref _streamInvalidationCount, _streamInvalidationCount + 1);
    }

    private void EmitInvalidate(StreamTableEntry entry) => Events.Emit(new IommuStreamInvalidateEvent(Name, entry.StreamId, Model.StreamInvalidation));

    internal void ReleaseContext(IommuDomain domain)
    {
        if (_streamMap is not null)
        {
            using (_attachLock.Enter())
            {
                _streamMap.Release(domain);
            }
        }
    }

    internal void Count(IommuFault fault)
    {
        Interlocked.Increment(ref _faultCount);
        Volatile.Write(ref _lastFault, fault);
    }
}
