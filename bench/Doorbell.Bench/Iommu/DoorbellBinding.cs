using BenchmarkDotNet.Attributes;
using Doorbell.Iommu;

namespace Doorbell.Bench.Iommu;

/// <summary>A doorbell's first binding and last release beside others that stay bound, and one vector more on a bound page.</summary>
public class DoorbellBinding
{
    private const int Turn = 1 << 10;
    private const IommuProtection Protection = IommuProtection.Write | IommuProtection.NoExec | IommuProtection.Mmio;
    private const ulong Frames = 0x10_0000_0000;

    private int[] _order = [];
    private int _next;
    private int _page;
    private IommuDomain _domain = null!;

    /// <summary>How many stay bound.</summary>
    [Params(10, 1000, 100_000, 1_000_000)]
    public int Bound { get; set; }

    /// <summary>Binds them.</summary>
    [GlobalSetup]
    public void Bind()
    {
        _order = LiveMappings.Order(1 << 16, Bound);
        _domain = LiveMappings.NewUnit().AllocateDomain(IommuDomainType.Unmanaged);
        LiveMappings.Check(_domain.AllocateReservedIovaDomain(new Iova(1UL << 40), 1UL << 34, 12));
        for (int i = 0; i < Bound; i++)
        {
            LiveMappings.Check(_domain.GetReservedIova(PageOf(i), 0x1000, Protection).WithoutValue);
        }
    }

    /// <summary>First binding and last release of a page among the bound ones: of the next page each time.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong FirstAndLast()
    {
        ulong sum = 0;
        for (int n = 0; n < Turn; n++)
        {
            _page = _page + 1 < Bound ? _page + 1 : 0;
            sum += GetAndPut(PageOf(_page) + 0x1000);
        }

        return sum;
    }

    /// <summary>One more reference on a page that is bound, and its release.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong OneMore()
    {
        ulong sum = 0;
        for (int n = 0; n < Turn; n++)
        {
            sum += GetAndPut(PageOf(Next()));
        }

        return sum;
    }

    private static PhysicalAddress PageOf(int i) => new(Frames + ((ulong)i << 13));

    private ulong GetAndPut(PhysicalAddress page)
    {
        Iova iova = _domain.GetReservedIova(page, 0x1000, Protection).Value;
        _domain.PutReservedIova(iova);
        return iova.Value;
    }

    private int Next()
    {
        _next = (_next + 1) & ((1 << 16) - 1);
        return _order[_next];
    }
}
