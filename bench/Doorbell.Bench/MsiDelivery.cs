using BenchmarkDotNet.Attributes;
using Doorbell.Devices;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Bench;

/// <summary>An MSI in the engine, from the device's write to the armed vector's trigger: translate, decode, look up, deliver.</summary>
public class MsiDelivery
{
    private const int Vectors = 8;

    private readonly Trigger _trigger = new();
    private PciFunction _function = null!;

    /// <summary>The machines whose controllers differ.</summary>
    [Params("virt-gicv3", "virt-gicv2m", "amd-overdrive")]
    public string MachineName { get; set; } = "";

    /// <summary>Hands the device to a client and arms its vectors.</summary>
    [GlobalSetup]
    public void Arm()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "machines", MachineName + ".yaml");
        var builder = new MachineBuilder(MachineYaml.Read(path, File.ReadAllText(path)).Value);
        var address = new PciAddress(0, 1, 0, 0);
        Check(builder.Plug(address, new PciTestDevice(Vectors)));
        Machine machine = builder.Build().Value;
        PassthroughDevice device = machine.Find(address)!;
        _function = device.Function;

        VfioHost host = machine.CreateVfioHost(new VfioOptions { AllowUnsafeInterrupts = true });
        VfioContainer container = host.OpenContainer();
        VfioGroup group = host.OpenGroup(machine.GroupOf(device).Id).Value;
        Check(group.SetContainer(container));
        Check(container.SetIommu(VfioIommuType.Type1v2));
        VfioDevice open = group.OpenDevice(device.Name).Value;
        _function.SetCommand(_function.Command | PciCommand.BusMaster);
        IEventTrigger?[] triggers = [.. Enumerable.Repeat(_trigger, Vectors)];
        Check(open.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, Vectors, [], triggers).WithoutValue);
        int before = _trigger.Count;
        Deliver();
        if (_trigger.Count != before + 1)
        {
            throw new InvalidOperationException("the MSI did not arrive");
        }
    }

    /// <summary>One MSI.</summary>
    [Benchmark]
    public bool Deliver() => _function.RaiseMsi(Vectors - 1);

    private static void Check(Result result)
    {
        if (!result.IsOk)
        {
            throw new InvalidOperationException(result.ToString());
        }
    }

    private sealed class Trigger : IEventTrigger
    {
        public int Count { get; private set; }

        public void Signal() => Count++;

        public void Release()
        {
        }
    }
}
