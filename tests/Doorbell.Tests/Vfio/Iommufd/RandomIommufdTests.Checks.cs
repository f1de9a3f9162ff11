using Doorbell.Iommu;
using Area = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Area;
using Space = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Space;
using Table = Doorbell.Tests.Vfio.Iommufd.IommufdModel.Table;

namespace Doorbell.Tests.Vfio.Iommufd;

/// <summary>What must hold after each call.</summary>
public sealed partial class RandomIommufdTests
{
    private void CheckAll()
    {
        foreach (RandomDevice device in _devices)
        {
            device.CheckN1();
            device.CheckN4();
        }

        foreach (Table table in _model.Tables)
        {
            if (table.Domain is { } domain)
            {
                Check(domain, table.Space);
            }
        }

        ulong pinned = _model.Spaces.Where(space => _model.TablesOf(space).Any()).Aggregate(0UL, static (sum, space) => sum + space.Mapped);
        Assert.Equal(pinned, _board.Board.Client.Pinned);
        Assert.Equal(_model.Spaces.Count + _model.Tables.Count + _devices.Count(static device => device.Id != 0), _context.ObjectCount);
    }

    // N2, N3, N5: the domain holds the user's mappings and its doorbells, each where it belongs, and nothing else.
    private void Check(IommuDomain domain, Space space)
    {
        int references = _devices.Where(device => device.VectorDomain == domain).Sum(static device => device.Allocated);
        Assert.Equal(references, domain.ReservedIovas!.ReferenceCount);
        Assert.True(domain.ReservedIovas.BindingCount is 0 or 1 && (references == 0 || domain.ReservedIovas.BindingCount == 1));
        Assert.Equal(space.Mapped + ((ulong)domain.ReservedIovas.BindingCount * Page), domain.MappedBytes);
        foreach (Area area in space.Areas)
        {
            Assert.True(area.Last < IommufdModel.WindowFirst || area.First > IommufdModel.WindowLast);
            Assert.True(domain.TryTranslate(new Iova(area.First), IommuProtection.Read, out PhysicalAddress low));
            Assert.True(domain.TryTranslate(new Iova(area.Last), IommuProtection.Read, out PhysicalAddress high));
            Assert.Equal((Board.Memory + area.Offset, Board.Memory + area.Offset + area.Length - 1), (low.Value & IommufdModel.ApertureLast, high.Value & IommufdModel.ApertureLast));
        }
    }
}
