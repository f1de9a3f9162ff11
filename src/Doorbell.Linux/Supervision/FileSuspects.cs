namespace Doorbell.Linux.Supervision;

/// <summary>
/// Files of which a close was told that was not the last: which of them are to be looked at again, and when. A client may have thousands, and closes
/// of them all the time; what they cost everybody is bounded: so many looks a second, the latest first.
/// </summary>
internal sealed class FileSuspects
{
    private const int FreshInterval = 10;
    private const int StaleInterval = 1000;
    private const int FreshAge = 2 * StaleInterval;

    // A look takes some 7 us: 4 hundredths of a core at most, and half a millisecond at once.
    private const int MostLooks = 64;
    private const int LooksPerMillisecond = 6;

    private readonly LinkedList<OpenFile> _fresh = []; // the one told last at the end
    private readonly LinkedList<OpenFile> _stale = []; // the one looked at last at the end
    private long _creditAt;
    private long _begunAt;
    private int _credit = MostLooks;
    private LinkedListNode<OpenFile>? _next;

    /// <summary>A close of the file was told.</summary>
    internal void Suspect(OpenFile open, long now)
    {
        Remove(open);
        open.SuspectedAt = now;
        open.Place = _fresh.AddLast(open);
    }

    /// <summary>It is closed.</summary>
    internal static void Remove(OpenFile open)
    {
        if (open.Place is { } place)
        {
            place.List!.Remove(place);
            open.Place = null;
        }
    }

    /// <summary>In how many milliseconds to look again; 0 for at once, -1 for never.</summary>
    internal int PatienceAt(long now)
    {
        long at = _fresh.Count > 0 ? _begunAt + FreshInterval
            : _stale.First is { } first ? Math.Max(_begunAt + FreshInterval, first.Value.LookedAt + StaleInterval)
            : long.MaxValue;
        return at == long.MaxValue ? -1 : (int)Math.Clamp(at - now, 0, StaleInterval);
    }

    /// <summary>Begins a round of looks.</summary>
    /// <returns>How many it may have at most.</returns>
    internal int Begin(long now)
    {
        _begunAt = now;
        if (now != _creditAt)
        {
            _credit = (int)Math.Min(MostLooks, _credit + (LooksPerMillisecond * (now - _creditAt)));
            _creditAt = now;
        }

        while (_fresh.First is { } first && now - first.Value.SuspectedAt >= FreshAge)
        {
            _fresh.Remove(first);
            _stale.AddLast(first);
        }

        _next = _fresh.Last;
        return _credit;
    }

    /// <summary>The next one to look at: the fresh ones whenever there is a round, the others once a second.</summary>
    internal OpenFile? Next(long now)
    {
        OpenFile? open = null;
        if (_next is { } place)
        {
            open = place.Value;
            _next = place.Previous; // before the look, which may remove it
        }
        else if (_stale.First is { } first && now - first.Value.LookedAt >= StaleInterval)
        {
            _stale.Remove(first);
            _stale.AddLast(first);
            open = first.Value;
        }

        _credit -= open is null ? 0 : 1;
        return open;
    }
}
