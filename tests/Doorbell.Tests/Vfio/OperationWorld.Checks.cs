using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Vfio;

/// <summary>What must hold after each operation, and at the end.</summary>
internal sealed partial class OperationWorld
{
    public void Check()
    {
        foreach (DeviceModel device in _devices)
        {
            device.CheckMessages();
        }

        foreach (IGrouping<IommuDomain, DeviceModel> attached in _devices.GroupBy(device => device.Domain))
        {
            CheckDomain(attached.Key, [.. attached]);
        }

        foreach (Client client in _clients)
        {
            Assert.Equal(client.Mappings.Aggregate(0UL, (sum, mapping) => sum + mapping.Size), client.Memory.Pinned);
            Assert.Equal(client.Mappings.Count, client.Container?.MappingCount ?? 0);
        }
    }

    /// <summary>V7: everybody goes, and nothing is left.</summary>
    public void End()
    {
        foreach (Client client in _clients)
        {
            Kill(client, 0);
        }

        Check();
        Assert.True(_board.Host.IsIdle, "V7: something of a client is left");
        Assert.All(_devices, device => Assert.Equal(device.Physical.Iommu!.UnattachedDomain, device.Domain));
        Assert.Equal(_tally.Handed, _tally.Released);
    }

    // N2, N3, N5: what is mapped is what the client mapped and the doorbells in use, and nothing of the one lies in the other's place.
    private void CheckDomain(IommuDomain domain, DeviceModel[] attached)
    {
        Client? owner = _clients.FirstOrDefault(client => attached.Any(device => client.Joined.Contains(device.Group)));
        if (domain == domain.Iommu.UnattachedDomain)
        {
            Assert.All(attached, device => Assert.Empty(device.Armed));
            return;
        }

        Assert.NotNull(owner);
        ulong user = owner.Mappings.Aggregate(0UL, (sum, mapping) => sum + mapping.Size);
        ulong doorbells = 0;
        if (domain.ReservedIovas is { } window)
        {
            IReadOnlyList<DoorbellBinding> bindings = window.GetBindings();
            doorbells = bindings.Aggregate(0UL, (sum, binding) => sum + binding.Size);
            long expected = domain.MsiMapping ? attached.Sum(device => _point == MappingPoint.Alloc ? device.Allocated : device.Armed.Count) : 0;
            Assert.Equal(expected, window.ReferenceCount);
            Assert.Equal(expected, bindings.Sum(binding => binding.References));
            Assert.Equal(bindings.Count, bindings.DistinctBy(binding => binding.PhysicalAddress).Count());
            Assert.True(!_isV6 || bindings.All(binding => binding.References > 0), "I7: a doorbell nobody uses is bound");
            Assert.All(bindings, binding => Assert.True(binding.Iova >= window.Base && binding.Iova + (binding.Size - 1) <= window.Last, "N3"));
            Assert.All(owner.Mappings, mapping => Assert.True(mapping.Iova > window.Last || mapping.Iova + (mapping.Size - 1) < window.Base, "N5"));
        }

        Assert.Equal(user + doorbells, domain.MappedBytes);
        foreach ((Iova iova, ulong size) in owner.Mappings)
        {
            Assert.True(domain.TryTranslate(iova, IommuProtection.Read, out _) && domain.TryTranslate(iova + (size - 1), IommuProtection.Read, out _));
        }
    }
}
