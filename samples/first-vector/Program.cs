// A machine, a device of your own, an armed vector.
//
// `dotnet run` here. What a VFIO client does by ioctls is done by calls of the same names; the reasons of refusals are in
// the results' Reason.
using Doorbell;
using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Pci;
using Doorbell.Vfio;

// 1. The machine: QEMU's virt board with an SMMUv3 and a GICv3 ITS, and the device in its slot 01:00.0.
var doorman = new Doorman();
var builder = new MachineBuilder(Demand(BuiltInMachines.Load("virt-gicv3")));
Check(builder.Plug(new PciAddress(0, 1, 0, 0), doorman));
Machine machine = Demand(builder.Build());
using IDisposable log = machine.Events.Subscribe(happened => Console.WriteLine($"  . {happened}"));

// 2. The client: container, group, IOMMU, device, as every user of VFIO has it.
VfioHost vfio = machine.CreateVfioHost(new VfioOptions());
PassthroughDevice assigned = machine.Find(new PciAddress(0, 1, 0, 0))!;
VfioContainer container = vfio.OpenContainer();
VfioGroup group = Demand(vfio.OpenGroup(machine.GroupOf(assigned).Id));
Check(group.SetContainer(container));
Check(container.SetIommu(VfioIommuType.Type1v2));
VfioDevice device = Demand(group.OpenDevice(assigned.Name));

// 3. Memory for the device, at IOVA 1 MiB, and leave to use it (bus mastering).
var memory = new ArrayClientMemory(start: 0x7000_0000, size: 0x1000);
Check(container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, memory.Start, new Iova(0x10_0000), 0x1000, memory));
Demand(device.WriteRegion(VfioRegionIndex.Config, 0x04, [0x06, 0x00]));

// 4. One MSI-X vector with a trigger in an eventfd's place. The doorbell is mapped in the window now.
int rings = 0;
Demand(device.SetIrqs(
    VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, start: 0, count: 1, bools: [],
    triggers: [new ActionTrigger(() => rings++)]));

// 5. Ring: the device writes into the client's memory and raises its vector.
Demand(device.WriteRegion(index: 0, offset: 0, [42, 0, 0, 0]));
Console.WriteLine($"the vector arrived {rings} time(s); the device wrote {memory.Bytes[0]}");

// 6. Nothing is left behind.
device.Release();
group.Release();
container.Release();
Console.WriteLine(vfio.IsIdle ? "all given back" : "something is left");
return rings == 1 && memory.Bytes[0] == 42 && vfio.IsIdle ? 0 : 1;

static void Check(Result result)
{
    if (!result.IsOk)
    {
        throw new InvalidOperationException($"{result.Errno}: {result.Reason}");
    }
}

static T Demand<T>(Result<T> result)
{
    Check(result.WithoutValue);
    return result.Value;
}

/// <summary>The device: one register. What is written to it goes to memory at 1 MiB, and then vector 0 is raised.</summary>
internal sealed class Doorman : RegisterDeviceModel
{
    public override string Name => "doorman";

    public override PciDeviceDescription Description { get; } = new()
    {
        VendorId = 0x1234,
        DeviceId = 0xd00d,
        ClassCode = 0xff0000,
        Bars = [new PciBarDescription(0, 4096, PciBarKind.Memory32), new PciBarDescription(2, MsiXLayout.BarSize(1), PciBarKind.Memory32)],
        MsiX = MsiXLayout.Describe(vectors: 1, bar: 2),
    };

    public override void Reset()
    {
    }

    protected override uint ReadRegister(int bar, ulong offset) => 0;

    protected override void WriteRegister(int bar, ulong offset, uint value, uint mask)
    {
        if (bar == 0 && offset == 0 && Function.WriteMemory(new Iova(0x10_0000), [(byte)value]))
        {
            Function.RaiseMsi(0);
        }
    }
}
