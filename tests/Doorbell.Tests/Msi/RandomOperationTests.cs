using Doorbell.Interrupts;
using Doorbell.Iommu;
using Doorbell.Msi;

namespace Doorbell.Tests.Msi;

/// <summary>Random operations on several devices against a model of a few lines; N1, N2 and N4 after each.</summary>
public class RandomOperationTests
{
    private const int Devices = 3;

    [Theory]
    [InlineData("its", MappingPoint.Alloc)]
    [InlineData("its", MappingPoint.Activate)]
    [InlineData("v2m", MappingPoint.Alloc)]
    [InlineData("v2m", MappingPoint.Activate)]
    [InlineData("per-cpu", MappingPoint.Activate)]
    public void N1_N2_N4_hold_after_every_operation(string controller, MappingPoint point)
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("DOORBELL_SEED"), out int given) ? given : Random.Shared.Next();
        try
        {
            Run(new Random(seed), controller, point);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"DOORBELL_SEED={seed}: {failure.Message}", failure);
        }
    }

    private static void Run(Random random, string controller, MappingPoint point)
    {
        TestBoard board = controller switch
        {
            "its" => TestBoard.WithIts(point),
            "v2m" => TestBoard.WithV2m(point, spiCount: 16),
            _ => TestBoard.WithDoorbellPerCpu(point),
        };
        board.StopListening();
        IommuDomain[] domains = [board.NewDomain(), board.NewDomain(windowSize: 0x2000)];
        var models = new List<Model>();
        var tally = new Tally();
        for (int i = 0; i < Devices; i++)
        {
            TestMsiDevice device = board.NewDevice(domains[i % 2]);
            device.Limits[MsiKind.MsiX] = 6;
            device.Limits[MsiKind.Msi] = 8;
            models.Add(new Model(device, board.Msi.CreateDeviceVectors(device), tally));
        }

        for (int step = 0; step < 2000; step++)
        {
            Model model = models[random.Next(Devices)];
            model.Step(random, domains);
            foreach (Model each in models)
            {
                each.Check(board, point);
            }

            CheckReferences(domains, models, point);
        }

        foreach (Model model in models)
        {
            model.Vectors.Dispose();
        }

        Assert.All(domains, domain => Assert.True(domain.IsEmpty));
    }

    // N2: references are the vectors that are armed (v6) or allocated (mainline) in the domain.
    private static void CheckReferences(IommuDomain[] domains, List<Model> models, MappingPoint point)
    {
        foreach (IommuDomain domain in domains)
        {
            int expected = models.Where(m => m.Device.IommuDomain == domain)
                .Sum(m => point == MappingPoint.Alloc ? m.Allocated.Count : m.Armed.Count);
            Assert.Equal(expected, domain.ReservedIovas!.ReferenceCount);
            if (expected == 0)
            {
                Assert.True(domain.IsEmpty);
            }
        }
    }

    /// <summary>What arrived anywhere: at handlers that are there and at those that were.</summary>
    private sealed class Tally
    {
        public int Arrived { get; set; }
    }

    private sealed class Handler(Tally tally) : IInterruptHandler
    {
        public int Arrived { get; private set; }

        public int LastVector { get; private set; } = -1;

        public void Handle(int vector)
        {
            LastVector = vector;
            Arrived++;
            tally.Arrived++;
        }
    }

    private sealed class Model(TestMsiDevice device, MsiDeviceVectors vectors, Tally tally)
    {
        public TestMsiDevice Device { get; } = device;

        public MsiDeviceVectors Vectors { get; } = vectors;

        public HashSet<int> Allocated { get; } = [];

        public Dictionary<int, Handler> Armed { get; } = [];

        public void Step(Random random, IommuDomain[] domains)
        {
            int index = random.Next(8);
            switch (random.Next(9))
            {
                case 0:
                    Allocate(random);
                    break;
                case 1:
                    if (Vectors.AllocateAt(index).IsOk)
                    {
                        Assert.True(Allocated.Add(index));
                    }

                    break;
                case 2 or 3:
                    Request(index);
                    break;
                case 4:
                    Vectors.FreeIrq(index);
                    Armed.Remove(index);
                    break;
                case 5:
                    Move(index, random.Next(5));
                    break;
                case 6:
                    Move(domains[random.Next(2)], random.Next(4) == 0);
                    break;
                case 7:
                    Reset();
                    break;
                default:
                    if (random.Next(3) == 0)
                    {
                        Vectors.FreeAll();
                        Allocated.Clear();
                        Armed.Clear();
                    }

                    break;
            }
        }

        public void Check(TestBoard board, MappingPoint point)
        {
            Device.CheckN1();
            Assert.Equal(Allocated.Count, Vectors.Count);
            for (int i = 0; i < 8; i++)
            {
                Assert.Equal(Allocated.Contains(i), Vectors.IsAllocated(i));
                Assert.Equal(Armed.ContainsKey(i), Vectors.IsRequested(i));
            }

            if (board.Its is null && board.V2m is null)
            {
                return;
            }

            // N4: what is armed arrives, once, at its own handler, and nothing else arrives anywhere.
            foreach ((int index, Handler handler) in Armed)
            {
                (int own, int all) = (handler.Arrived, tally.Arrived);
                Assert.True(Device.Send(Vectors.Kind!.Value, index));
                Assert.Equal((index, own + 1, all + 1), (handler.LastVector, handler.Arrived, tally.Arrived));
            }

            // What is not armed arrives nowhere; at the most it waits at the controller.
            foreach (int index in Allocated.Except(Armed.Keys))
            {
                int all = tally.Arrived;
                bool taken = Device.Send(Vectors.Kind!.Value, index);
                Assert.Equal(all, tally.Arrived);
                if (point == MappingPoint.Activate)
                {
                    Assert.False(taken);
                }
            }
        }

        private void Allocate(Random random)
        {
            MsiKind kind = random.Next(2) == 0 ? MsiKind.MsiX : MsiKind.Msi;
            int count = random.Next(1, 8);
            if (Vectors.Allocate(kind, count).IsOk)
            {
                Assert.Empty(Allocated);
                Allocated.UnionWith(Enumerable.Range(0, count));
            }
        }

        private void Request(int index)
        {
            var handler = new Handler(tally);
            Result result = Vectors.Request(index, handler);
            Assert.True(!result.IsOk || Allocated.Contains(index));
            if (result.IsOk)
            {
                Assert.True(Armed.TryAdd(index, handler));

                // What it raised while it was allocated but not armed waited at the controller, as one.
                Assert.InRange(handler.Arrived, 0, 1);
            }
        }

        // A reset that the host makes good again leaves the device as it was, and what waited at the controller there.
        private void Reset()
        {
            string before = Device.Describe();
            Device.Reset();
            Vectors.Restore();
            Assert.Equal(before, Device.Describe());
        }

        private void Move(int index, int cpu)
        {
            int before = Vectors.GetIrq(index)?.Affinity ?? -1;
            Result moved = Vectors.SetAffinity(index, cpu);
            Assert.True(!moved.IsOk || (Allocated.Contains(index) && cpu < 4));
            Assert.Equal(moved.IsOk ? cpu : before, Vectors.GetIrq(index)?.Affinity ?? -1);
        }

        private void Move(IommuDomain target, bool cancel)
        {
            Result<MsiDomainMove> move = Vectors.PrepareMove(target);
            if (!move.IsOk)
            {
                return;
            }

            if (cancel)
            {
                move.Value.Cancel();
                return;
            }

            Device.IsDetached = true;
            Device.IommuDomain = target;
            move.Value.Complete();
            Device.IsDetached = false;
        }
    }
}
