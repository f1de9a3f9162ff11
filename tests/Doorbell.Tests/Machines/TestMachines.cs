using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Tests.Machines;

/// <summary>The machines that come with the product, as copied beside the tests.</summary>
internal static class TestMachines
{
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "machines");

    public static string Text(string name) => File.ReadAllText(Path.Combine(Folder, name + ".yaml"));

    public static MachineDescription Load(string name)
    {
        Result<MachineDescription> machine = MachineYaml.Read(name + ".yaml", Text(name));
        Assert.True(machine.IsOk, machine.Reason);
        return machine.Value;
    }
}
