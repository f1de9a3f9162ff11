namespace Doorbell.Iommu;

/// <summary>
/// SMMUv2's stream mapping (IHI 0062, "Stream mapping"): a limited number of stream mapping register groups says which streams the unit
/// knows and what becomes of each (S2CR: fault, bypass or translate), and a limited number of context banks holds the
/// translation contexts, one a domain. Guarded by the unit's lock.
/// </summary>
internal sealed class StreamMap(string unit, int groups, int contextBanks)
{
    private readonly HashSet<IommuDomain> _contexts = [];

    public int MatchedStreams { get; private set; }

    public int Contexts => _contexts.Count;

    /// <summary>A group for the stream and, where the domain translates, a context bank for the domain.</summary>
    /// <returns>ENOSPC: the unit has no more of either; nothing has changed.</returns>
    public Result Take(StreamTableEntry stream, IommuDomain domain)
    {
        if (!stream.IsMatched && MatchedStreams == groups)
        {
            return Result.Fail(Errno.ENOSPC, $"{unit}: stream {stream.StreamId}: all {groups} stream mapping register groups (SMMU_SMRn) match other streams; detach one of those first");
        }

        if (domain.HasTables && !_contexts.Contains(domain) && _contexts.Count == contextBanks)
        {
            return Result.Fail(Errno.ENOSPC, $"{unit}: {domain}: all {contextBanks} context banks (SMMU_CBn) hold other domains; free one of those, or attach the stream to one");
        }

        if (!stream.IsMatched)
        {
            stream.IsMatched = true;
            MatchedStreams++;
        }

        if (domain.HasTables)
        {
            _contexts.Add(domain);
        }

        return Result.Ok;
    }

    /// <summary>The stream is attached to nothing any more: its group is free.</summary>
    public void Release(StreamTableEntry stream)
    {
        if (stream.IsMatched)
        {
            stream.IsMatched = false;
            MatchedStreams--;
        }
    }

    /// <summary>The domain has gone: its context bank is free.</summary>
    public void Release(IommuDomain domain) => _contexts.Remove(domain);
}
