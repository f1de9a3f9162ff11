namespace Doorbell.Hosts;

/// <summary>The configurations that were read last, by their bytes.</summary>
internal sealed class KernelConfigurationCache
{
    private const int Most = 4;
    private const int MostBytes = 1 << 17; // of one: a stranger's that is larger is not kept

    private readonly Lock _lock = new();
    private readonly List<(byte[] Packed, IReadOnlyDictionary<string, string> Values)> _known = new(Most);

    /// <summary>Null where it is none of them.</summary>
    public IReadOnlyDictionary<string, string>? Find(byte[] packed)
    {
        lock (_lock)
        {
            return _known.Find(known => known.Packed.AsSpan().SequenceEqual(packed)).Values;
        }
    }

    /// <summary>Keeps one, in the place of the oldest.</summary>
    /// <param name="packed">Not changed any more.</param>
    /// <param name="values">What it says.</param>
    public void Add(byte[] packed, IReadOnlyDictionary<string, string> values)
    {
        if (packed.Length > MostBytes)
        {
            return;
        }

        lock (_lock)
        {
            if (_known.Count == Most)
            {
                _known.RemoveAt(0);
            }

            _known.Add((packed, values));
        }
    }
}
