using BenchmarkDotNet.Attributes;
using Doorbell.Iommu;

namespace Doorbell.Bench.Iommu;

/// <summary>4 KiB mapped and unmapped again, anywhere among a million mappings that stay.</summary>
public class MapUnmap
{
    private const int Turn = 1 << 12;

    private int[] _order = [];
    private int _next;
    private IommuDomain _domain = null!;
    private IommuDomain _empty = null!;

    /// <summary>Maps the million.</summary>
    [GlobalSetup]
    public void Map()
    {
        _order = LiveMappings.Order(1 << 18, LiveMappings.Count);
        _domain = LiveMappings.Make();
        _empty = LiveMappings.NewUnit().AllocateDomain(IommuDomainType.Unmanaged);
    }

    /// <summary>One pair.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public ulong Pair()
    {
        ulong unmapped = 0;
        for (int n = 0; n < Turn; n++)
        {
            _next = (_next + 1) & ((1 << 18) - 1);
            Iova iova = LiveMappings.PageOf(_order[_next]) + 0x1000;
            LiveMappings.Check(_domain.Map(iova, LiveMappings.TargetOf(0), 0x1000, LiveMappings.Protection));
            unmapped += _domain.Unmap(iova, 0x1000);
        }

        return unmapped;
    }

    /// <summary>1 GiB, aligned: one block.</summary>
    [Benchmark]
    public long Gibibyte()
    {
        LiveMappings.Check(_empty.Map(new Iova(0x40_0000_0000), new PhysicalAddress(0x4000_0000), 1UL << 30, LiveMappings.Protection));
        long entries = _empty.EntryCount;
        _empty.Unmap(new Iova(0x40_0000_0000), 1UL << 30);
        return entries == 1 ? entries : throw new InvalidOperationException($"{entries} blocks");
    }
}
