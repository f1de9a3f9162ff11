namespace Doorbell.Gic;

/// <summary>Ranges of LPIs for devices, the lowest that fits first; neighbours grow together again when freed.</summary>
internal sealed class LpiAllocator
{
    private readonly List<(uint First, uint Count)> _free = [];

    public LpiAllocator(uint first, uint count)
    {
        if (count > 0)
        {
            _free.Add((first, count));
        }
    }

    public bool TryAllocate(uint count, out uint first)
    {
        for (int i = 0; i < _free.Count; i++)
        {
            (uint start, uint size) = _free[i];
            if (size < count)
            {
                continue;
            }

            if (size == count)
            {
                _free.RemoveAt(i);
            }
            else
            {
                _free[i] = (start + count, size - count);
            }

            first = start;
            return true;
        }

        first = 0;
        return false;
    }

    public void Free(uint first, uint count)
    {
        int at = 0;
        while (at < _free.Count && _free[at].First < first)
        {
            at++;
        }

        _free.Insert(at, (first, count));
        if (at + 1 < _free.Count && first + count == _free[at + 1].First)
        {
            _free[at] = (first, count + _free[at + 1].Count);
            _free.RemoveAt(at + 1);
        }

        if (at > 0 && _free[at - 1].First + _free[at - 1].Count == first)
        {
            _free[at - 1] = (_free[at - 1].First, _free[at - 1].Count + _free[at].Count);
            _free.RemoveAt(at);
        }
    }
}
