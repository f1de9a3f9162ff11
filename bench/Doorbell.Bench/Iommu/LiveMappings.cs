using Doorbell.Events;
using Doorbell.Iommu;

namespace Doorbell.Bench.Iommu;

/// <summary>A million 4 KiB mappings of an SMMUv3 domain, every second page of 8 GiB, none of them next to its neighbour's PA, so that no two make a block.</summary>
internal static class LiveMappings
{
    public const int Count = 1_000_000;
    public const IommuProtection Protection = IommuProtection.Read | IommuProtection.Write;

    private const ulong Start = 0x1_0000_0000;

    public static Doorbell.Iommu.Iommu NewUnit() => new("smmu", IommuModel.SmmuV3, new EventStream());

    /// <summary>The i-th page that is mapped; the one after it is free.</summary>
    public static Iova PageOf(int i) => new(Start + ((ulong)i << 13));

    public static PhysicalAddress TargetOf(int i) => new((1UL << 48) + ((ulong)(i ^ 0x5555) << 13));

    public static IommuDomain Make()
    {
        IommuDomain domain = NewUnit().AllocateDomain(IommuDomainType.Unmanaged);
        for (int i = 0; i < Count; i++)
        {
            Check(domain.Map(PageOf(i), TargetOf(i), 0x1000, Protection));
        }

        return domain;
    }

    /// <summary>The same numbers in the same order every time, so that two benchmarks that are compared do the same work.</summary>
    public static int[] Order(int count, int below)
    {
        Random random = new(1);
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            order[i] = random.Next(below);
        }

        return order;
    }

    public static void Check(Result result)
    {
        if (!result.IsOk)
        {
            throw new InvalidOperationException(result.ToString());
        }
    }
}
