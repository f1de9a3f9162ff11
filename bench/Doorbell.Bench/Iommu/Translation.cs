using BenchmarkDotNet.Attributes;
using Doorbell.Iommu;

namespace Doorbell.Bench.Iommu;

/// <summary>A random translation in a million mappings, beside a bare walk of as many levels over arrays that checks nothing.</summary>
public class Translation
{
    private const int Turn = 1 << 14;

    private readonly object[] _root = new object[512];
    private int[] _order = [];
    private int _next;
    private IommuDomain _domain = null!;

    /// <summary>Maps the million, in the domain and in arrays.</summary>
    [GlobalSetup]
    public void Map()
    {
        _order = LiveMappings.Order(1 << 20, LiveMappings.Count);
        _domain = LiveMappings.Make();
        for (int i = 0; i < LiveMappings.Count; i++)
        {
            ulong iova = LiveMappings.PageOf(i).Value;
            var second = (object[])(_root[iova >> 39] ??= new object[512]);
            var third = (object[])(second[(iova >> 30) & 511] ??= new object[512]);
            var pages = (ulong[])(third[(iova >> 21) & 511] ??= new ulong[512]);
            pages[(iova >> 12) & 511] = LiveMappings.TargetOf(i).Value | 1;
        }
    }

    /// <summary>Four array reads.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Turn)]
    public ulong Bare()
    {
        ulong sum = 0;
        for (int n = 0; n < Turn; n++)
        {
            ulong iova = Next();
            object[] second = System.Runtime.CompilerServices.Unsafe.As<object[]>(_root[iova >> 39]);
            object[] third = System.Runtime.CompilerServices.Unsafe.As<object[]>(second[(iova >> 30) & 511]);
            ulong[] pages = System.Runtime.CompilerServices.Unsafe.As<ulong[]>(third[(iova >> 21) & 511]);
            ulong entry = pages[(iova >> 12) & 511];
            sum += (entry & ~0xfffUL) | (iova & 0xfff);
        }

        return sum;
    }

    /// <summary>A domain's translation: cache, walk, protection.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong Random()
    {
        ulong sum = 0;
        for (int n = 0; n < Turn; n++)
        {
            _domain.TryTranslate(new Iova(Next()), IommuProtection.Write, out PhysicalAddress pa);
            sum += pa.Value;
        }

        return sum;
    }

    /// <summary>The same page again and again, as a doorbell is.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong Repeated()
    {
        ulong sum = 0;
        for (int n = 0; n < Turn; n++)
        {
            _domain.TryTranslate(LiveMappings.PageOf(77), IommuProtection.Write, out PhysicalAddress pa);
            sum += pa.Value;
        }

        return sum;
    }

    private ulong Next()
    {
        _next = (_next + 1) & ((1 << 20) - 1);
        return LiveMappings.PageOf(_order[_next]).Value;
    }
}
