using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Checks.Guests;

/// <summary>A guest's memory: where it lies, and by which layout, or a plain list of ranges.</summary>
public sealed class Guest
{
    private readonly ulong?[] _given;
    private readonly ulong[] _options;

    private Guest(GuestLayout? layout, string layoutText, ulong ram, ulong?[] given, ulong[] options, IReadOnlyList<GuestRange> ranges)
    {
        Layout = layout;
        LayoutText = layoutText;
        Ram = ram;
        _given = given;
        _options = options;
        Ranges = ranges;
    }

    /// <summary>Its layout; null of a list of ranges.</summary>
    public GuestLayout? Layout { get; }

    /// <summary>Its instruction set; null of a list of ranges.</summary>
    public MachineArchitecture? Architecture => Layout?.Architecture;

    /// <summary>RAM in bytes.</summary>
    public ulong Ram { get; }

    /// <summary>Where its RAM lies, in the order it is filled: what a monitor gives to VFIO_IOMMU_MAP_DMA.</summary>
    public IReadOnlyList<GuestRange> Ranges { get; }

    /// <summary>Values of the layout's options, in its order.</summary>
    public IReadOnlyList<ulong> Options => _options;

    internal string LayoutText { get; }

    /// <summary>Everything of it that is not RAM: what has a fixed place, and what comes after RAM.</summary>
    public IReadOnlyList<GuestRegion> Regions
    {
        get
        {
            if (Layout is null)
            {
                return [];
            }

            List<GuestRegion> regions = [.. Layout.Regions];
            ulong next = Layout.AfterRamFloor;
            foreach (GuestRange range in Ranges)
            {
                next = Math.Max(next, range.Last + 1);
            }

            foreach (GuestRegion region in Layout.AfterRam)
            {
                ulong size = region.Range.Size;
                ulong start = unchecked((next + size - 1) / size * size);
                if (start < next || start + (size - 1) < start)
                {
                    break;
                }

                regions.Add(region with { Range = new GuestRange(start, start + (size - 1)) });
                next = start + size;
            }

            return regions;
        }
    }

    /// <summary>Reads a LAYOUT: <c>NAME:SIZE[,OPTION=VALUE…]</c>, or <c>FIRST-LAST[,FIRST-LAST…]</c>.</summary>
    /// <param name="text">What a user wrote: <c>q35:8G,max-ram-below-4g=2G</c>, <c>0x40000000-0x7fffffff</c>.</param>
    /// <param name="load">Finds a layout by what stands before the colon; null: <see cref="BuiltInGuests.Load"/>.</param>
    /// <returns>EINVAL or ENOENT with one sentence that says what was expected.</returns>
    public static Result<Guest> Parse(string text, Func<string, Result<GuestLayout>>? load = null) =>
        text.Length > 0 && char.IsAsciiDigit(text[0]) ? GuestText.ReadRanges(text) : GuestText.Read(text, load ?? BuiltInGuests.Load);

    /// <summary>The same guest on a host: options nobody said anything of have the value they have there (an AMD guest CPU where the host is AMD's).</summary>
    public Guest Beside(HostDmaSpace host)
    {
        if (Layout is null)
        {
            return this;
        }

        ulong[] options = Layout.Defaults(host);
        for (int i = 0; i < options.Length; i++)
        {
            options[i] = _given[i] ?? options[i];
        }

        List<GuestRange> ranges = [];
        return Layout.TryPlace(Ram, options, ranges) ? new Guest(Layout, LayoutText, Ram, _given, options, ranges) : this;
    }

    /// <summary>The LAYOUT that says this guest.</summary>
    public override string ToString()
    {
        if (Layout is null)
        {
            return string.Join(',', Ranges);
        }

        string text = $"{LayoutText}:{YamlNumber.Size(Ram)}";
        for (int i = 0; i < _options.Length; i++)
        {
            if (_given[i] is not null)
            {
                text += $",{Layout.Options[i].Name}={TextOf(Layout.Options[i], _options[i])}";
            }
        }

        return text;
    }

    internal static string TextOf(GuestOption option, ulong value) => option.IsSwitch ? (value == 1 ? "on" : "off") : YamlNumber.Size(value);

    internal static Guest OfRanges(IReadOnlyList<GuestRange> ranges)
    {
        ulong ram = 0;
        foreach (GuestRange range in ranges)
        {
            ram += range.Size;
        }

        return new Guest(null, "", ram, [], [], ranges);
    }

    /// <summary>Null where the layout has no room.</summary>
    internal static Guest? Place(GuestLayout layout, string layoutText, ulong ram, ulong?[] given)
    {
        ulong[] options = layout.Defaults(null);
        for (int i = 0; i < options.Length; i++)
        {
            options[i] = given[i] ?? options[i];
        }

        List<GuestRange> ranges = [];
        return layout.TryPlace(ram, options, ranges) ? new Guest(layout, layoutText, ram, given, options, ranges) : null;
    }

    /// <summary>Another amount of RAM and other options, as if they had been given where they differ; null where there is no room.</summary>
    internal Guest? With(ulong ram, ulong[] options)
    {
        List<GuestRange> ranges = [];
        if (!Layout!.TryPlace(ram, options, ranges))
        {
            return null;
        }

        ulong?[] given = [.. _given];
        for (int i = 0; i < options.Length; i++)
        {
            given[i] = options[i] != _options[i] ? options[i] : given[i];
        }

        return new Guest(Layout, LayoutText, ram, given, options, ranges);
    }
}
