using System.Runtime.CompilerServices;

namespace Doorbell.Iommu;

/// <summary>The bindings of a window by the granules of their PA (I4). More than one can hold a granule (a wider range, more protection); the oldest comes first. Not thread-safe.</summary>
internal sealed class DoorbellIndex
{
    // A DoorbellBinding, or an array of them where there are several: nearly always there is one.
    private readonly RadixTree<object> _byGranule = new();

    /// <summary>The oldest that covers the whole range with all of the protection.</summary>
    public DoorbellBinding? Find(ulong granule, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        ref object? entry = ref _byGranule.Find(granule);
        return Unsafe.IsNullRef(ref entry)
            ? null
            : entry switch
            {
                DoorbellBinding one => one.Covers(pa, size, protection) ? one : null,
                DoorbellBinding[] several => FindAmong(several, pa, size, protection),
                _ => null,
            };
    }

    private static DoorbellBinding? FindAmong(DoorbellBinding[] bindings, PhysicalAddress pa, ulong size, IommuProtection protection)
    {
        foreach (DoorbellBinding binding in bindings)
        {
            if (binding.Covers(pa, size, protection))
            {
                return binding;
            }
        }

        return null;
    }

    /// <summary>The oldest that holds the granule.</summary>
    public DoorbellBinding? Oldest(ulong granule)
    {
        ref object? entry = ref _byGranule.Find(granule);
        return Unsafe.IsNullRef(ref entry) ? null : entry as DoorbellBinding ?? (entry as DoorbellBinding[])?[0];
    }

    /// <summary>One more that holds the granule.</summary>
    public void Add(ulong granule, DoorbellBinding binding)
    {
        ref object? entry = ref _byGranule.FindOrAdd(granule);
        entry = entry switch
        {
            DoorbellBinding one => new[] { one, binding },
            DoorbellBinding[] several => (DoorbellBinding[])[.. several, binding],
            _ => binding,
        };
    }

    /// <summary>It holds the granule no more.</summary>
    public void Remove(ulong granule, DoorbellBinding binding)
    {
        ref object? entry = ref _byGranule.Find(granule);
        if (entry is DoorbellBinding[] several)
        {
            DoorbellBinding[] left = [.. several.Where(other => other != binding)];
            entry = left.Length == 1 ? left[0] : left;
        }
        else
        {
            entry = null;
        }
    }
}
