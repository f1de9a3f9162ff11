using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>Device trees that lie beside the tests: those QEMU 10.0.2 gave its virt boards (-smp 4 -m 2G), without the padding to 1 MiB that QEMU leaves behind them.</summary>
internal static class TestTrees
{
    public static readonly string[] Names = ["virt-gicv3", "virt-gicv2m", "virt-gicv3-noiommu"];

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Machines", "Fixtures", name + ".dtb"));

    public static MachineDescription Load(string name)
    {
        Result<MachineDescription> machine = DeviceTreeMachine.Read(name + ".dtb", Bytes(name));
        Assert.True(machine.IsOk, machine.Reason);
        return machine.Value;
    }
}
