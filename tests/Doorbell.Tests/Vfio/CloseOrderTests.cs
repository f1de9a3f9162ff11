using Doorbell.Iommu;
using Doorbell.Msi;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>V7: the last references to a container, two groups and their devices go in every order there is.</summary>
public class CloseOrderTests
{
    private const int Files = 5;
    private const ulong Window = 0x0c00_0000;

    [Theory]
    [InlineData(VfioUapi.Mainline, MappingPoint.Alloc, true)]
    [InlineData(VfioUapi.Mainline, MappingPoint.Activate, false)]
    [InlineData(VfioUapi.ReservedIovaV6, MappingPoint.Activate, true)]
    [InlineData(VfioUapi.ReservedIovaV6, MappingPoint.Alloc, false)]
    public void V7_N1_N2_whatever_is_closed_first_what_is_open_works_and_at_the_end_nothing_is_left(VfioUapi uapi, MappingPoint mappingPoint, bool isOneIommu)
    {
        foreach (int[] order in Orders([.. Enumerable.Range(0, Files)]))
        {
            Close(order, uapi, mappingPoint, isOneIommu);
        }
    }

    private static void Close(int[] order, VfioUapi uapi, MappingPoint mappingPoint, bool isOneIommu)
    {
        string said = string.Join(' ', order);
        Rig rig = new(new VfioOptions { Uapi = uapi }, mappingPoint);
        Doorbell.Iommu.Iommu iommu = rig.Iommu("smmu-a", IommuModel.SmmuV3);
        PassthroughDevice[] devices = [rig.Device(1, iommu, rig.Its), rig.Device(2, isOneIommu ? iommu : rig.Iommu("smmu-b", IommuModel.SmmuV2), rig.Its)];
        PassthroughGroup[] members = [rig.Group(devices[0]), rig.Group(devices[1])];
        (VfioContainer container, VfioGroup first) = rig.Contain(members[0]);
        VfioGroup second = rig.Open(members[1]);
        Board.Ok(second.SetContainer(container));
        Board.Ok(rig.Map(container, 0x10_0000, 0x1000));
        if (uapi == VfioUapi.ReservedIovaV6)
        {
            Board.Ok(rig.Register(container, Window, 0x1000));
        }

        var armed = new[] { rig.Arm(first, devices[0], 2), rig.Arm(second, devices[1], 2) };
        List<IommuDomain> domains = [.. devices.Select(Rig.DomainOf)];
        List<ReservedIovaDomain> windows = [.. domains.Select(static domain => domain.ReservedIovas!)];

        // 0: the container; 1 and 2: the groups; 3 and 4: the devices.
        Action[] close = [container.Release, first.Release, second.Release, armed[0].Device.Release, armed[1].Device.Release];
        HashSet<int> closed = [];
        foreach (int file in order)
        {
            close[file]();
            closed.Add(file);
            for (int i = 0; i < devices.Length; i++)
            {
                bool isOpen = !closed.Contains(3 + i);
                int before = armed[i].Triggers[1].Signals;
                Assert.True(devices[i].Function.RaiseMsi(1) == isOpen, $"order {said}, after {file}: device {i}");
                Assert.Equal(before + (isOpen ? 1 : 0), armed[i].Triggers[1].Signals);
                Assert.Equal(isOpen ? rig.ItsDoorbell : null, isOpen ? Rig.Lead(devices[i]) : null);

                // A group is held by its file or by its device, and its streams are attached for as long.
                bool isHeld = isOpen || !closed.Contains(1 + i);
                Assert.True(devices[i].Iommu!.GetStream(devices[i].StreamId).IsAttached == isHeld, $"order {said}, after {file}: stream {i}");
            }

            // N2: two vectors of each device that is open.
            Assert.Equal(4 - (2 * closed.Count(static device => device >= 3)), windows.Distinct().Sum(static window => window.ReferenceCount));
        }

        Assert.True(rig.Host.IsIdle, $"order {said}");
        Assert.Equal(0UL, rig.Client.Pinned);
        Assert.All(domains, static domain => Assert.True(domain is { IsFreed: true, IsEmpty: true, EntryCount: 0 }));
        Assert.All(windows, static window => Assert.Equal((0, 0L, 0L), (window.BindingCount, window.ReferenceCount, window.UsedGranules)));
        Assert.All(armed.SelectMany(static arm => arm.Triggers), static trigger => Assert.Equal(1, trigger.Releases));
        Assert.All(devices, static device => Assert.Equal(default, device.Function.MsiX!.ReadEntry(0).Address));
    }

    private static IEnumerable<int[]> Orders(int[] files)
    {
        if (files.Length == 0)
        {
            yield return [];
        }

        foreach (int file in files)
        {
            foreach (int[] rest in Orders([.. files.Where(other => other != file)]))
            {
                yield return [file, .. rest];
            }
        }
    }
}
