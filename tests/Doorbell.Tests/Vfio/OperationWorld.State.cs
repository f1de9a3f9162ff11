using Doorbell.Iommu;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>What the model knows of clients, devices and triggers.</summary>
internal sealed partial class OperationWorld
{
    private sealed class Client(ArrayMemory memory)
    {
        public ArrayMemory Memory { get; } = memory;

        public VfioContainer? Container { get; set; }

        public Dictionary<int, VfioGroup> Groups { get; } = [];

        public HashSet<int> Joined { get; } = [];

        public List<(Iova Iova, ulong Size)> Mappings { get; } = [];

        public ulong WindowBase { get; set; }

        public ulong WindowSize { get; set; }

        public Iova? Window() => WindowSize != 0 ? new Iova(WindowBase) : Container is { HasIommu: true } ? new Iova(0x800_0000) : null;

        public bool IsV2 { get; set; }

        // The last group takes everything with it.
        public void Leave(int group)
        {
            if (Joined.Remove(group) && Joined.Count == 0)
            {
                Mappings.Clear();
                WindowSize = 0;
            }
        }

        public void Forget()
        {
            Container = null;
            Groups.Clear();
            Joined.Clear();
            Mappings.Clear();
            WindowSize = 0;
        }
    }

    private sealed class DeviceModel(PassthroughDevice physical, int group)
    {
        public PassthroughDevice Physical { get; } = physical;

        public int Group { get; } = group;

        public VfioDevice? Open { get; set; }

        public Dictionary<int, CountedTrigger> Armed { get; } = [];

        /// <summary>Signals of every trigger it ever had.</summary>
        public int Signals { get; set; }

        public IommuDomain Domain => Physical.Iommu!.GetStream(Physical.StreamId).Domain;

        public int Allocated => Open is null ? 0 : Physical.MsiDomain!.CreateDeviceVectors(Physical.MsiDevice).Count;

        // N1: each message it holds is one its domain maps to a doorbell, for writing; and there is one for whatever it may send.
        public void CheckMessages()
        {
            for (int vector = 0; vector < Vectors; vector++)
            {
                MsiXEntry entry = Physical.Function.MsiX!.ReadEntry(vector);
                Assert.True(entry.Address == 0 || Open is not null, $"V7: {Physical.Name} is closed and holds {entry.Address:x}");
                Assert.True(entry.Address != 0 || !Armed.ContainsKey(vector), $"{Physical.Name} has no message for vector {vector}, which is armed");
                if (entry.Address != 0 && Domain.MsiMapping)
                {
                    Assert.True(Domain.TryTranslate(new Iova(entry.Address), IommuProtection.Write, out PhysicalAddress pa), $"N1: {Physical.Name} holds {entry.Address:x}, which is not mapped");
                    Assert.Contains(pa, Physical.MsiDomain!.Doorbells);
                }
            }
        }
    }

    private sealed class Tally
    {
        public int Signals { get; set; }

        public int Handed { get; set; }

        public int Released { get; set; }
    }

    private sealed class CountedTrigger : IEventTrigger
    {
        private readonly Tally _tally;
        private readonly DeviceModel _device;

        public CountedTrigger(Tally tally, DeviceModel device)
        {
            _tally = tally;
            _device = device;
            tally.Handed++;
        }

        public int Signals { get; private set; }

        public int Releases { get; private set; }

        public void Signal()
        {
            Assert.Equal(0, Releases);
            Signals++;
            _device.Signals++;
            _tally.Signals++;
        }

        public void Release()
        {
            Releases++;
            _tally.Released++;
        }
    }
}
