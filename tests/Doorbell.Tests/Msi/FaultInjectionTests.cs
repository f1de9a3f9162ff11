using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>M6, N1, N2: the same life of a device again and again, each time with the next step failing, and nothing left over.</summary>
public class FaultInjectionTests
{
    private const int Count = 4;

    public static TheoryData<string, MappingPoint, MsiKind> Paths
    {
        get
        {
            var paths = new TheoryData<string, MappingPoint, MsiKind>();
            foreach (string controller in new[] { "its", "v2m", "per-cpu" })
            {
                foreach (MappingPoint point in Enum.GetValues<MappingPoint>())
                {
                    foreach (MsiKind kind in Enum.GetValues<MsiKind>())
                    {
                        paths.Add(controller, point, kind);
                    }
                }
            }

            return paths;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void M6_N2_Whichever_step_of_the_hierarchy_fails_references_balance_and_nothing_is_left(string controller, MappingPoint point, MsiKind kind)
    {
        int failed = 0;
        for (int step = 0; ; step++)
        {
            TestBoard board = NewBoard(controller, point);
            var faulty = new FaultyLevel(board.Msi.Parent!) { FailAt = step };
            var msi = new MsiDomain("faulty-msi", faulty, board.Msi.Info, board.Events);
            Live(msi, board.NewDevice(board.NewDomain()), kind);
            if (!faulty.Failed)
            {
                break;
            }

            failed++;
        }

        Assert.True(failed > Count, $"only {failed} steps");
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void M6_N2_Whichever_doorbell_does_not_fit_the_window_references_balance_and_nothing_is_left(string controller, MappingPoint point, MsiKind kind)
    {
        for (ulong pages = 1; pages <= Count; pages++)
        {
            TestBoard board = NewBoard(controller, point);
            IommuDomain domain = board.NewDomain(windowSize: pages << 12);

            // Another device's doorbells leave less and less of the window.
            for (ulong taken = 0; taken < pages; taken++)
            {
                Live(board.Msi, board.NewDevice(domain), kind);
                Assert.True(domain.GetReservedIova(new PhysicalAddress(0x7000_0000 + (taken << 12)), 0x1000, IommuProtection.Write).IsOk);
            }

            Live(board.Msi, board.NewDevice(domain), kind, empty: false);
            Assert.Equal((long)pages, domain.ReservedIovas!.ReferenceCount);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void M8_The_device_sees_the_same_messages_whichever_mapping_point_and_they_work(string controller, MappingPoint point, MsiKind kind)
    {
        var messages = new List<MsiMessage[]>();
        foreach (MappingPoint each in new[] { MappingPoint.Activate, point })
        {
            TestBoard board = NewBoard(controller, each);
            TestMsiDevice device = Limit(board.NewDevice(board.NewDomain()));
            MsiDeviceVectors vectors = board.Msi.CreateDeviceVectors(device);
            var handler = new CountingHandler();
            Assert.True(vectors.Allocate(kind, Count).IsOk);
            Assert.All(Enumerable.Range(0, Count), i => Assert.True(vectors.Request(i, handler).IsOk));
            Assert.Equal(Count, device.IommuDomain!.ReservedIovas!.ReferenceCount);
            for (int i = 0; i < Count && controller != "per-cpu"; i++)
            {
                Assert.True(device.Send(kind, i));
                Assert.Equal(1, handler[i]);
            }

            messages.Add([.. Enumerable.Range(0, Count).Select(vectors.GetMessage)]);
            vectors.Dispose();
            Assert.True(device.IommuDomain.IsEmpty);
        }

        Assert.Equal(messages[0], messages[1]);
        Assert.All(messages[0], static message => Assert.NotEqual(default, message));
    }

    // Allocate, arm all, move each, disarm one and arm it again, free. What fails is skipped; N1 is checked by the device at each change.
    private static void Live(MsiDomain msi, TestMsiDevice device, MsiKind kind, bool empty = true)
    {
        IommuDomain domain = Limit(device).IommuDomain!;
        long before = domain.ReservedIovas!.ReferenceCount;
        MsiDeviceVectors vectors = msi.CreateDeviceVectors(device);
        bool allocated = vectors.Allocate(kind, Count).IsOk;
        Assert.Equal(allocated ? Count : 0, vectors.Count);
        for (int i = 0; i < Count; i++)
        {
            vectors.Request(i, new CountingHandler());
            Balance();
        }

        for (int i = 0; i < Count; i++)
        {
            vectors.SetAffinity(i, i);
            Balance();
        }

        vectors.FreeIrq(2);
        Balance();
        vectors.Request(2, new CountingHandler());
        Balance();
        vectors.Dispose();
        Assert.Equal(before, domain.ReservedIovas.ReferenceCount);
        Assert.DoesNotContain(Enumerable.Range(0, Count), i => device.Held(kind, i) != default);
        Assert.True(!empty || before != 0 || domain.IsEmpty);

        // N2: armed vectors, or (mapped at allocation) allocated ones, and no more.
        void Balance()
        {
            device.CheckN1();
            int users = Enumerable.Range(0, Count).Count(i => msi.MappingPoint == MappingPoint.Alloc ? vectors.IsAllocated(i) : vectors.IsRequested(i));
            Assert.Equal(before + users, domain.ReservedIovas!.ReferenceCount);
        }
    }

    private static TestMsiDevice Limit(TestMsiDevice device)
    {
        device.Limits[MsiKind.Msi] = Count;
        device.Limits[MsiKind.Platform] = Count;
        return device;
    }

    private static TestBoard NewBoard(string controller, MappingPoint point) => controller switch
    {
        "its" => TestBoard.WithIts(point),
        "v2m" => TestBoard.WithV2m(point),
        _ => TestBoard.WithDoorbellPerCpu(point),
    };
}
