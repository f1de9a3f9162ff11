using System.Runtime.CompilerServices;
using Doorbell.Iommu.Events;

namespace Doorbell.Iommu;

/// <summary>A stream of a unit and the domain its transactions go through. One object a stream, for ever: a requester may keep it.</summary>
/// <remarks>
/// What the unit has cached of it (SMMUv3: the STE) is used until it is invalidated: whoever changes the entry does so first and
/// invalidates then. Transactions neither lock nor wait; an invalidation waits for those that are just taking the entry in.
/// </remarks>
public sealed class StreamTableEntry
{
    private readonly Iommu _iommu;
    private ReservedRegion[] _hardwareMsi;

    private IommuDomain _domain;
    private IommuDomain? _cached;
    private int _fetching;
    private IommuFault? _lastFault;
    private bool _isMatched;
    private long _faultCount;

    internal StreamTableEntry(Iommu iommu, StreamId stream, bool isValid, IommuDomain domain)
    {
        _iommu = iommu;
        _domain = domain;
        StreamId = stream;
        IsValid = isValid;
        _isMatched = !iommu.Model.MatchesStreams;
        _hardwareMsi = iommu.HardwareMsi;
    }

    /// <summary>The stream.</summary>
    public StreamId StreamId { get; }

    /// <summary>False where the unit's stream table has no such stream; each of its transactions is a fault.</summary>
    public bool IsValid { get; }

    /// <summary>The domain it is attached to; while to none, the unit's for unattached streams.</summary>
    public IommuDomain Domain => Volatile.Read(ref _domain);

    /// <summary>True between attach and detach.</summary>
    public bool IsAttached => Domain != _iommu.UnattachedDomain;

    /// <summary>False while no stream mapping register group of an SMMUv2 matches it; other units know every stream they have.</summary>
    public bool IsMatched
    {
        get => Volatile.Read(ref _isMatched);
        internal set => Volatile.Write(ref _isMatched, value);
    }

    /// <summary>What the unit does with the stream, as its manual puts it.</summary>
    public StreamConfiguration Configuration => !IsValid || (!IsMatched && Domain.Type == IommuDomainType.Blocked)
        ? StreamConfiguration.Unknown
        : Domain.Type switch
        {
            IommuDomainType.Blocked => StreamConfiguration.Abort,
            IommuDomainType.Identity => StreamConfiguration.Bypass,
            _ => _iommu.Model.IsStage2 ? StreamConfiguration.TranslateStage2 : StreamConfiguration.TranslateStage1,
        };

    /// <summary>Its last transaction that was refused; null while none was.</summary>
    public IommuFault? LastFault => Volatile.Read(ref _lastFault);

    /// <summary>Faults of this stream (I10).</summary>
    public long FaultCount => Volatile.Read(ref _faultCount);

    /// <summary>Translates for a device. A failure is counted and an event (I10). Neither locks nor, while it succeeds, allocates.</summary>
    /// <param name="iova">The address on the bus.</param>
    /// <param name="access">Read or Write.</param>
    /// <param name="pa">Where it goes.</param>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa) => TryTranslate(iova, access, out pa, out _);

    /// <inheritdoc cref="TryTranslate(Iova, IommuProtection, out PhysicalAddress)"/>
    /// <param name="iova">The address on the bus.</param>
    /// <param name="access">Read or Write.</param>
    /// <param name="pa">Where it goes.</param>
    /// <param name="contiguous">Bytes from there on that follow without another translation.</param>
    public bool TryTranslate(Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        // A write to such a range is an interrupt request and never sees the tables (VT-d, "Handling Requests to Interrupt Address Range").
        foreach (ref readonly ReservedRegion range in _hardwareMsi.AsSpan())
        {
            ulong offset = unchecked(iova.Value - range.Base.Value);
            if (offset < range.Size && access == IommuProtection.Write)
            {
                pa = new PhysicalAddress(iova.Value);
                contiguous = range.Size - offset;
                return true;
            }
        }

        IommuDomain domain = Volatile.Read(ref _cached) ?? Fetch();
        return (IsValid && domain.TryTranslate(iova, access, out pa, out contiguous))
            || Refuse(domain, iova, access, out pa, out contiguous);
    }

    /// <summary>Writes to the range never get as far as the tables: the stream's PCI host takes them for MSIs. Said while the machine is built.</summary>
    internal void TakeOut(ReservedRegion range) => _hardwareMsi = [.. _hardwareMsi, range];

    /// <summary>Writes the entry. Only after <see cref="InvalidateConfiguration"/> does every transaction go through the domain.</summary>
    internal void SetDomain(IommuDomain domain) => Volatile.Write(ref _domain, domain);

    /// <summary>What is cached of the entry goes, and nobody who read it as it was before brings that back.</summary>
    internal void InvalidateConfiguration()
    {
        // Whoever begins to fetch from here on reads the entry as it is now.
        Interlocked.MemoryBarrier();
        SpinWait wait = default;
        while (Volatile.Read(ref _fetching) != 0)
        {
            wait.SpinOnce();
        }

        Volatile.Write(ref _cached, null);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuDomain Fetch()
    {
        Interlocked.Increment(ref _fetching);
        IommuDomain domain = Volatile.Read(ref _domain);
        Volatile.Write(ref _cached, domain);
        Interlocked.Decrement(ref _fetching);
        return domain;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Refuse(IommuDomain domain, Iova iova, IommuProtection access, out PhysicalAddress pa, out ulong contiguous)
    {
        pa = default;
        contiguous = 0;
        IommuFault fault = new(StreamId, iova, access, ReasonOf(domain, iova));
        Interlocked.Increment(ref _faultCount);
        Volatile.Write(ref _lastFault, fault);
        _iommu.Count(fault);
        if (_iommu.Events.IsTroubleHeard)
        {
            IommuModel model = _iommu.Model;
            _iommu.Events.Emit(new IommuFaultEvent(_iommu.Name, StreamId, iova, access, fault.Reason, model.NameOf(fault.Reason, access), model.CodeOf(fault.Reason, access)));
        }

        return false;
    }

    private IommuFaultReason ReasonOf(IommuDomain domain, Iova iova) =>
        IsValid && (IsMatched || domain.Type != IommuDomainType.Blocked) ? domain.FaultReasonOf(iova) : IommuFaultReason.BadStream;
}
