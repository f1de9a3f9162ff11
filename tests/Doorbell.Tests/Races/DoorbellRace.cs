using Doorbell.Iommu;
using Doorbell.Tests.Iommu;

namespace Doorbell.Tests.Races;

/// <summary>A race in one IOMMU domain: gets and puts of doorbells, what ends them, and the user's maps.</summary>
internal sealed class DoorbellRace(DoorbellRetention retention = DoorbellRetention.UntilLastReference, ulong windowSize = 0x8000, bool hasWindow = true) : Race
{
    public const ulong Doorbell = 0x809_0040;
    public static readonly Iova UserPage = new(0x4000_0000);

    private readonly List<(string Name, Action Run)> _operations = [];
    private readonly List<(Iova Iova, PhysicalAddress Pa)> _holders = [];
    private bool _closed;

    public IommuHarness Harness { get; } = new(retention, windowSize: windowSize, hasWindow: hasWindow);

    public IommuDomain Domain => Harness.Domain;

    /// <summary>What each operation that can be refused answered, in the order they ended.</summary>
    public List<Errno> Answers { get; } = [];

    /// <summary>Holds at the end, before everything is given back.</summary>
    public Action<DoorbellRace>? Expect { get; init; }

    /// <summary>What the operations find cached is theirs alone: the checks go through the tables at the end only.</summary>
    public bool OnlyAtTheEnd { get; init; }

    public override IReadOnlyList<(string Name, Action Run)> Operations => _operations;

    public DoorbellRace Get(ulong pa = Doorbell) => Add($"get {pa:x}", () => Take(pa));

    /// <summary>A reference taken before the race, given back in it.</summary>
    public DoorbellRace Put(ulong pa = Doorbell)
    {
        Take(pa);
        Answers.Clear();
        return Add($"put {pa:x}", () => GiveBack(_holders.First(holder => holder.Pa.Value == pa)));
    }

    public DoorbellRace GetAndPut(ulong pa = Doorbell) => Add($"get and put {pa:x}", () =>
    {
        if (Take(pa) is { } iova)
        {
            GiveBack((iova, new PhysicalAddress(pa)));
        }
    });

    /// <summary>A device that goes through the place of a doorbell, twice, so that the unit takes it in.</summary>
    public DoorbellRace Translate() => Add("translate", () =>
    {
        Domain.TryTranslate(IommuHarness.WindowBase, IommuProtection.Write, out _);
        Domain.TryTranslate(IommuHarness.WindowBase, IommuProtection.Write, out _);
    });

    public DoorbellRace Close() => Add("free the window", () =>
    {
        End();
        Domain.FreeReservedIovaDomain();
    });

    public DoorbellRace FreeDomain() => Add("free the domain", () =>
    {
        End();
        Domain.Free();
    });

    public DoorbellRace Map(Iova iova, ulong size = 0x1000) => Add($"map {iova}", () =>
        Answers.Add(Domain.Map(iova, new PhysicalAddress(0x1_0000_0000_0000), size, IommuProtection.Read).Errno));

    public DoorbellRace UnmapAll() => Add("unmap everything", () => Domain.Unmap(default, Domain.ApertureEnd.Value + 1));

    public DoorbellRace RegisterWindow() => Add("register the window", () =>
        Answers.Add(Domain.AllocateReservedIovaDomain(IommuHarness.WindowBase, windowSize, 12, retention).Errno));

    public DoorbellRace Attach() => Add("attach stream 8", () => Answers.Add(Harness.Iommu.Attach(new StreamId(8), Domain).Errno));

    // N1: whoever has a reference reaches its doorbell, whatever the others are in the middle of, until the window itself goes.
    public override void AtEveryPoint()
    {
        if (OnlyAtTheEnd)
        {
            return;
        }

        foreach ((Iova iova, PhysicalAddress pa) in _closed ? [] : _holders)
        {
            Assert.True(Domain.TryTranslate(iova, IommuProtection.Write, out PhysicalAddress there), $"N1: {iova} is held for doorbell {pa} and not mapped");
            Assert.Equal(pa, there);
        }
    }

    public override void AtTheEnd()
    {
        AtEveryPoint();
        Expect?.Invoke(this);
        if (Domain.ReservedIovas is { } window)
        {
            // N2, I4: the references are the holders', a doorbell has one binding, and nothing else of the window is mapped or taken.
            IReadOnlyList<DoorbellBinding> bindings = window.GetBindings();
            Assert.Equal(_holders.Count, window.ReferenceCount);
            Assert.Equal(_holders.Count, bindings.Sum(binding => binding.References));
            Assert.Equal(bindings.Count, bindings.DistinctBy(binding => binding.PhysicalAddress).Count());
            Assert.Equal(bindings.Count, window.BindingCount);
            Assert.Equal((ulong)window.UsedGranules << window.Order, InWindow());
            Assert.Equal(bindings.Aggregate(0UL, (sum, binding) => sum + binding.Size), InWindow());
            Assert.True(retention == DoorbellRetention.UntilDomainFreed || bindings.All(binding => binding.References > 0));
        }

        else if (_closed)
        {
            Assert.Equal(0UL, InWindow());
        }

        foreach ((Iova iova, PhysicalAddress pa) in _holders.ToList())
        {
            GiveBack((iova, pa));
        }

        Assert.Equal(0, Domain.ReservedIovas?.ReferenceCount ?? 0);
        Domain.Free();
        Assert.True(Domain.IsEmpty, "N2: something is mapped or bound after the domain has gone");
        Assert.Equal(0UL, Domain.MappedBytes);
        Assert.Empty(Domain.Streams);
    }

    private ulong InWindow()
    {
        ulong mapped = 0;
        for (Iova page = IommuHarness.WindowBase; page < IommuHarness.WindowBase + windowSize; page += 0x1000)
        {
            mapped += Domain.TryTranslate(page, IommuProtection.Read, out _) || Domain.TryTranslate(page, IommuProtection.Write, out _) ? 0x1000UL : 0;
        }

        return mapped;
    }

    private Iova? Take(ulong pa)
    {
        Result<Iova> got = Domain.GetReservedIova(new PhysicalAddress(pa), 4, IommuHarness.DoorbellProtection);
        Answers.Add(got.Errno);
        if (!got.IsOk)
        {
            return null;
        }

        _holders.Add((got.Value, new PhysicalAddress(pa)));
        return got.Value;
    }

    private void GiveBack((Iova Iova, PhysicalAddress Pa) holder)
    {
        _holders.Remove(holder);
        Domain.PutReservedIova(holder.Iova);
    }

    // From its first step on it takes mappings away from under whoever has references.
    private void End() => _closed = true;

    private DoorbellRace Add(string name, Action run)
    {
        _operations.Add((name, run));
        return this;
    }
}
