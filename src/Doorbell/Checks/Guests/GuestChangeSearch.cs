using Doorbell.Iommu;
using Doorbell.Machines.Yaml;

namespace Doorbell.Checks.Guests;

/// <summary>
/// Looks for the guest that is nearest to the one asked for and has no fatal collision: least RAM lost, then fewest options changed, then the values
/// nearest to those there were. What it finds was placed and compared again.
/// </summary>
internal sealed class GuestChangeSearch
{
    private readonly Guest _guest;
    private readonly GuestLayout _layout;
    private readonly GuestRange[] _forbidden;
    private readonly List<GuestRange> _ranges = [];
    private (ulong Lost, int Changes, UInt128 Distance) _bestCost = (ulong.MaxValue, int.MaxValue, UInt128.MaxValue);
    private (ulong Ram, ulong[] Options)? _best;

    private GuestChangeSearch(Guest guest, GuestLayout layout, GuestRange[] forbidden)
    {
        _guest = guest;
        _layout = layout;
        _forbidden = forbidden;
    }

    /// <summary>Null where nothing of the guest can stay.</summary>
    public static GuestChange? Find(Guest guest, HostDmaSpace host)
    {
        GuestRange[] forbidden = host.Forbidden;
        if (guest.Layout is not { } layout)
        {
            return CutRanges(guest, host, forbidden);
        }

        var search = new GuestChangeSearch(guest, layout, forbidden);
        search.TryOptions([.. guest.Options], 0);
        if (search._best is not { } best || guest.With(best.Ram, best.Options) is not { } changed || GuestCheck.Collisions(changed, host).Exists(static collision => collision.IsFatal))
        {
            return null;
        }

        List<(GuestOption, ulong)> options = [];
        for (int i = 0; i < best.Options.Length; i++)
        {
            if (best.Options[i] != guest.Options[i])
            {
                options.Add((layout.Options[i], best.Options[i]));
            }
        }

        return new GuestChange(changed, guest.Ram - best.Ram, options, Sentence(guest, changed, options, host));
    }

    // Every combination of the values that can matter, each with the most RAM it leaves room for.
    private void TryOptions(ulong[] options, int next)
    {
        if (next == options.Length)
        {
            ulong ram = MostRam(options);
            (ulong, int, UInt128) cost = Cost(ram, options);
            if (ram > 0 && cost.CompareTo(_bestCost) < 0)
            {
                _bestCost = cost;
                _best = (ram, [.. options]);
            }

            return;
        }

        ulong asked = options[next];
        foreach (ulong value in Values(next))
        {
            options[next] = value;
            TryOptions(options, next + 1);
        }

        options[next] = asked;
    }

    private (ulong Lost, int Changes, UInt128 Distance) Cost(ulong ram, ulong[] options)
    {
        int changes = 0;
        UInt128 distance = 0;
        for (int i = 0; i < options.Length; i++)
        {
            ulong asked = _guest.Options[i];
            changes += options[i] == asked ? 0 : 1;
            distance += options[i] > asked ? options[i] - asked : asked - options[i];
        }

        return (_guest.Ram - ram, changes, distance);
    }

    /// <summary>
    /// Values of an option at which something begins or ceases to collide: a bank ends where a forbidden range begins; what no longer fits into it goes
    /// into the next one and must end there before one begins, or lie past what moves that bank; a guest is just too small to be split.
    /// </summary>
    private SortedSet<ulong> Values(int index)
    {
        GuestOption option = _layout.Options[index];
        if (option.IsSwitch)
        {
            return [0, 1];
        }

        SortedSet<ulong> values = [_guest.Options[index], option.Default, option.Min, option.Max];
        AddNear(values, option, _guest.Ram);
        for (int i = 0; i < _layout.Banks.Count; i++)
        {
            GuestBank bank = _layout.Banks[i];
            if (bank.Split is { From.Option: null } split)
            {
                AddNear(values, option, split.From.Number);
            }

            if (bank.End is { Option: null } end)
            {
                AddNear(values, option, end.Number);
            }

            foreach (GuestRange range in _forbidden)
            {
                AddNear(values, option, range.First);
                AddNear(values, option, SpillFor(range.First, bank.Base));
                if (bank.Relocation is { } move)
                {
                    AddNear(values, option, SpillFor(range.First, move.To));
                }
            }

            if (bank.Relocation is { } relocation)
            {
                AddNear(values, option, SpillFor((relocation.Above - relocation.Beyond) / relocation.Align * relocation.Align, bank.Base));
            }
        }

        return values;
    }

    // The end of the bank before, so that RAM which begins at `from` ends at `limit`; the first bank begins at the layout's first address.
    private ulong SpillFor(ulong limit, ulong from)
    {
        UInt128 room = limit > from ? limit - from : 0;
        UInt128 all = (UInt128)_guest.Ram + _layout.Banks[0].Base;
        return all > room ? (ulong)UInt128.Min(all - room, ulong.MaxValue) : 0;
    }

    private static void AddNear(SortedSet<ulong> values, GuestOption option, ulong value)
    {
        ulong down = value / option.Step * option.Step;
        for (int i = -1; i <= 1; i++)
        {
            ulong near = unchecked(down + ((ulong)(long)i * option.Step));
            if (near >= option.Min && near <= option.Max)
            {
                values.Add(near);
            }
        }
    }

    /// <summary>The most RAM, up to what was asked for, that these options leave without a collision.</summary>
    private ulong MostRam(ulong[] options)
    {
        List<ulong> tops = [_guest.Ram];
        foreach (GuestBank bank in _layout.Banks)
        {
            if (bank.Split is { } split)
            {
                ulong from = _layout.Value(split.From, options);
                if (from > 0 && from <= _guest.Ram)
                {
                    tops.Add(Floor(from - 1));
                }
            }
        }

        if (_layout.Banks.Any(static bank => bank.Relocation is not null))
        {
            AddRelocationTops(options, tops);
        }

        ulong most = 0;
        foreach (ulong top in tops)
        {
            most = Math.Max(most, CutUntilItFits(top, options));
        }

        return most;
    }

    // Between two tops a layout only grows at its end, so that the RAM before the first collision is the most there can be.
    private ulong CutUntilItFits(ulong ram, ulong[] options)
    {
        while (ram > 0)
        {
            bool placed = _layout.TryPlace(ram, options, _ranges);
            ulong before = 0, fits = ram;
            foreach (GuestRange range in _ranges)
            {
                ulong free = range.Size;
                foreach (GuestRange forbidden in _forbidden)
                {
                    if (range.Overlaps(forbidden))
                    {
                        free = Math.Min(free, forbidden.First > range.First ? forbidden.First - range.First : 0);
                    }
                }

                before += free;
                if (free < range.Size)
                {
                    break;
                }
            }

            fits = Math.Min(fits, before);
            if (placed && fits == ram)
            {
                return ram;
            }

            ram = Floor(Math.Min(fits, ram - 1));
        }

        return 0;
    }

    // The most RAM with which a bank does not move away, between any two splits.
    private void AddRelocationTops(ulong[] options, List<ulong> tops)
    {
        ulong step = _layout.RamStep;
        ulong[] edges = [0, .. tops.Order()];
        for (int i = 1; i < edges.Length; i++)
        {
            ulong low = (edges[i - 1] / step) + 1, high = edges[i] / step;
            if (low >= high || IsMoved(low * step, options) || !IsMoved(high * step, options))
            {
                continue;
            }

            while (low + 1 < high)
            {
                ulong middle = low + ((high - low) / 2);
                (low, high) = IsMoved(middle * step, options) ? (low, middle) : (middle, high);
            }

            tops.Add(low * step);
        }
    }

    private bool IsMoved(ulong ram, ulong[] options)
    {
        _layout.TryPlace(ram, options, _ranges);
        foreach (GuestBank bank in _layout.Banks)
        {
            if (bank.Relocation is { } move && _ranges.Exists(range => range.First == move.To))
            {
                return true;
            }
        }

        return false;
    }

    private ulong Floor(ulong bytes) => bytes / _layout.RamStep * _layout.RamStep;

    private static string Sentence(Guest guest, Guest changed, List<(GuestOption Option, ulong Value)> options, HostDmaSpace host)
    {
        List<string> parts = [];
        foreach ((GuestOption option, ulong value) in options)
        {
            parts.Add(option.Written.Replace("{}", Guest.TextOf(option, value), StringComparison.Ordinal));
        }

        string lost = changed.Ram == guest.Ram ? "all of its RAM stays" : $"RAM goes from {YamlNumber.Size(guest.Ram)} to {YamlNumber.Size(changed.Ram)}";
        string how = parts.Count == 0
            ? options.Count == 0 && guest.Layout!.Options.Count == 0 ? $"{guest.Layout.Vmm} has no option that moves RAM, so less of it" : "less RAM"
            : string.Join(" and ", parts);
        return $"{how}: {lost} (--guest {changed}).{AboutWindow(guest, host)}";
    }

    // What people ask next.
    private static string AboutWindow(Guest guest, HostDmaSpace host)
    {
        foreach (HostReserved reserved in host.Reserved)
        {
            if (reserved.Type is ReservedRegionType.SoftwareMsi or ReservedRegionType.Msi && guest.Ranges.Any(range => range.Overlaps(reserved.Range)))
            {
                return reserved.Type == ReservedRegionType.SoftwareMsi
                    ? " The host kernel has no option that moves its MSI window."
                    : " The host's MSI range is fixed by its hardware.";
            }
        }

        return "";
    }

    private static GuestChange? CutRanges(Guest guest, HostDmaSpace host, GuestRange[] forbidden)
    {
        const ulong Page = 0x1000;
        List<GuestRange> kept = [.. guest.Ranges];
        foreach (GuestRange cut in forbidden)
        {
            ulong first = cut.First / Page * Page, last = cut.Last | (Page - 1);
            List<GuestRange> next = [];
            foreach (GuestRange range in kept)
            {
                if (!range.Overlaps(new GuestRange(first, last)))
                {
                    next.Add(range);
                    continue;
                }

                if (range.First < first)
                {
                    next.Add(new GuestRange(range.First, first - 1));
                }

                if (range.Last > last)
                {
                    next.Add(new GuestRange(last + 1, range.Last));
                }
            }

            kept = next;
        }

        if (kept.Count == 0)
        {
            return null;
        }

        Guest changed = Guest.OfRanges(kept);
        return new GuestChange(changed, guest.Ram - changed.Ram, [], $"leave out what collides, {YamlNumber.Size(guest.Ram - changed.Ram)} (--guest {changed}).{AboutWindow(guest, host)}");
    }
}
