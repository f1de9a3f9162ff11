using Doorbell.Machines;

namespace Doorbell.Checks.Guests;

/// <summary>
/// Where a virtual machine monitor puts a guest's memory: rules that turn an amount of RAM into guest-physical ranges, and what else has a place.
/// Guest-physical addresses are what VFIO maps as IOVAs, one to one.
/// </summary>
public sealed record GuestLayout
{
    /// <summary>What a user calls it: <c>qemu-virt</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One line for people.</summary>
    public required string Title { get; init; }

    /// <summary>The guest's instruction set.</summary>
    public required MachineArchitecture Architecture { get; init; }

    /// <summary>The virtual machine monitor.</summary>
    public required string Vmm { get; init; }

    /// <summary>Its version, or the commit, that the numbers were read from.</summary>
    public required string Version { get; init; }

    /// <summary>Where each number is from: files of its source, a sentence each.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>What is not in it because it could not be read, a sentence each.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>An amount of RAM is a multiple of this many bytes; a power of two.</summary>
    public required ulong RamStep { get; init; }

    /// <summary>What a user can say beside the amount of RAM.</summary>
    public IReadOnlyList<GuestOption> Options { get; init; } = [];

    /// <summary>Where RAM goes, in the order it is filled.</summary>
    public required IReadOnlyList<GuestBank> Banks { get; init; }

    /// <summary>What else has a place of its own.</summary>
    public IReadOnlyList<GuestRegion> Regions { get; init; } = [];

    /// <summary>What comes after RAM, in this order, each aligned on its own size.</summary>
    public IReadOnlyList<GuestRegion> AfterRam { get; init; } = [];

    /// <summary>The lowest address of what comes after RAM.</summary>
    public ulong AfterRamFloor { get; init; }

    /// <summary>Its options as they are where nothing is said.</summary>
    /// <param name="beside">What the host reserves; an option may have another default where AMD's HyperTransport range is in it.</param>
    internal ulong[] Defaults(HostDmaSpace? beside) => [.. Options.Select(option => beside is { HasHyperTransport: true } && option.AmdDefault is { } amd ? amd : option.Default)];

    /// <summary>An option's place, -1 where there is none of that name.</summary>
    internal int IndexOf(string option)
    {
        for (int i = 0; i < Options.Count; i++)
        {
            if (Options[i].Name == option)
            {
                return i;
            }
        }

        return -1;
    }

    internal ulong Value(GuestValue value, ReadOnlySpan<ulong> options) => value.Option is { } name ? options[IndexOf(name)] : value.Number;

    /// <summary>Where RAM lies.</summary>
    /// <returns>False where the layout has no room for so much.</returns>
    internal bool TryPlace(ulong ram, ReadOnlySpan<ulong> options, List<GuestRange> ranges)
    {
        ranges.Clear();
        ulong left = ram;
        foreach (GuestBank bank in Banks)
        {
            if (left == 0)
            {
                return true;
            }

            ulong end = EndOf(bank, ram, options);
            ulong size = end == 0 ? left : Math.Min(left, end > bank.Base ? end - bank.Base : 0);
            ulong start = bank.Relocation is { } move && Relocates(move, bank.Base, size, options) ? move.To : bank.Base;
            if (size > 0)
            {
                if (start + size - 1 < start)
                {
                    return false;
                }

                ranges.Add(new GuestRange(start, start + size - 1));
                left -= size;
            }
        }

        return left == 0;
    }

    private ulong EndOf(GuestBank bank, ulong ram, ReadOnlySpan<ulong> options)
    {
        ulong end = bank.End is { } own ? Value(own, options) : 0;
        if (bank.Split is { } split && ram >= Value(split.From, options))
        {
            end = Math.Min(end, split.End);
        }

        return bank.Limit is { } limit ? Math.Min(end, Value(limit, options)) : end;
    }

    // QEMU's pc_memory_init: the address past the 64-bit PCI hole, which begins on a boundary after RAM, must not pass the range.
    private bool Relocates(GuestRelocation move, ulong start, ulong size, ReadOnlySpan<ulong> options)
    {
        UInt128 top = (UInt128)start + size;
        top = (top + move.Align - 1) / move.Align * move.Align;
        return size > 0 && Value(new GuestValue(0, move.Option), options) == 1 && top + move.Beyond > move.Above;
    }
}
