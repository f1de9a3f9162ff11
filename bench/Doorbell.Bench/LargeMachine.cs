using Doorbell.Devices;
using Doorbell.Iommu;
using Doorbell.Machines;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Bench;

/// <summary>A machine of many devices behind one ITS and one SMMUv3, all in one container with every vector armed.</summary>
internal sealed class LargeMachine
{
    private const int FunctionsPerBus = 256;

    private LargeMachine(PciFunction[] functions, int vectors)
    {
        Functions = functions;
        Vectors = vectors;
    }

    /// <summary>The devices.</summary>
    public PciFunction[] Functions { get; }

    /// <summary>Vectors of each.</summary>
    public int Vectors { get; }

    /// <summary>Builds it and arms it.</summary>
    /// <param name="devices">Functions, 1 to 65,536.</param>
    /// <param name="vectors">MSI-X vectors of each.</param>
    /// <param name="ownTriggers">A trigger a vector; otherwise all share one, so that what is measured ends where the handler begins.</param>
    public static LargeMachine Armed(int devices, int vectors, bool ownTriggers = false)
    {
        var shared = new Trigger();
        MachineDescription description = Describe(devices);
        var builder = new MachineBuilder(description);
        foreach (PciSlotDescription slot in description.Slots)
        {
            Check(builder.Plug(slot.Address, new PciTestDevice(vectors)));
        }

        Machine machine = builder.Build().Value;
        VfioHost host = machine.CreateVfioHost(new VfioOptions());
        VfioContainer container = host.OpenContainer();
        bool typed = false;
        foreach (PassthroughGroup passthrough in machine.Groups)
        {
            VfioGroup group = host.OpenGroup(passthrough.Id).Value;
            Check(group.SetContainer(container));
            if (!typed)
            {
                Check(container.SetIommu(VfioIommuType.Type1v2));
                typed = true;
            }

            foreach (PassthroughDevice device in passthrough.Devices)
            {
                VfioDevice open = group.OpenDevice(device.Name).Value;
                device.Function.SetCommand(device.Function.Command | PciCommand.BusMaster);
                var triggers = new IEventTrigger?[vectors];
                for (int i = 0; i < vectors; i++)
                {
                    triggers[i] = ownTriggers ? new Trigger() : shared;
                }

                Check(open.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, (uint)vectors, [], triggers).WithoutValue);
            }
        }

        return new LargeMachine([.. machine.Devices.Select(static device => device.Function)], vectors);
    }

    /// <summary>Every vector once: all devices' first, then all devices' second, and so on; or shuffled.</summary>
    public (PciFunction Function, int Vector)[] Order(bool shuffled)
    {
        var order = new (PciFunction, int)[Functions.Length * Vectors];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = (Functions[i % Functions.Length], i / Functions.Length);
        }

        if (shuffled)
        {
            new Random(1).Shuffle(order);
        }

        return order;
    }

    private static MachineDescription Describe(int devices)
    {
        const string Its = "its", Smmu = "smmu";
        List<PciHostDescription> hosts = [];
        for (int bus = 0; bus * FunctionsPerBus < devices; bus++)
        {
            ulong window = 0x100_0000_0000 + ((ulong)bus << 32);
            hosts.Add(new PciHostDescription
            {
                Name = $"pcie{bus}",
                Segment = 0,
                FirstBus = (byte)bus,
                LastBus = (byte)bus,
                Ecam = new MemoryRange(new PhysicalAddress(0x40_0000_0000 + ((ulong)bus << 20)), 1 << 20),
                Windows = [new PciWindowDescription(new MemoryRange(new PhysicalAddress(window), 1 << 28), 0x1000_0000)],
                IommuMap = IdMap.Identity(Smmu),
                MsiMap = IdMap.Identity(Its),
                Slots = [.. Enumerable.Range(0, Math.Min(FunctionsPerBus, devices - (bus * FunctionsPerBus)))
                    .Select(i => new PciSlotDescription(new PciAddress(0, (byte)bus, (byte)(i >> 3), (byte)(i & 7)), null))],
            });
        }

        return new MachineDescription
        {
            Name = "large",
            Title = $"{devices} devices",
            Architecture = MachineArchitecture.Arm64,
            Cpus = 4,
            MsiControllers = [new Machines.GicV3ItsDescription { Name = Its, Base = new PhysicalAddress(0x808_0000), IntIdBits = 18 }],
            Iommus =
            [
                new IommuDescription
                {
                    Name = Smmu,
                    Model = SmmuModel.SmmuV3,
                    Registers = new MemoryRange(new PhysicalAddress(0x905_0000), 0x2_0000),
                    Granules = [0x1000],
                    InputBits = 48,
                    MsiWindow = ReservedRegion.DefaultSoftwareMsi,
                },
            ],
            PciHosts = hosts,
        };
    }

    private static void Check(Result result)
    {
        if (!result.IsOk)
        {
            throw new InvalidOperationException(result.ToString());
        }
    }

    /// <summary>A vector's trigger, an object of its own as an eventfd is.</summary>
    private sealed class Trigger : IEventTrigger
    {
        private int _count;

        public void Signal() => _count++;

        public void Release()
        {
        }

        public override string ToString() => $"{_count} signals";
    }
}
