using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>virt-gicv3 with one device of the test's choice, its group in a container.</summary>
internal sealed class MappedBoard
{
    public const string Slot = "0000:01:00.0";

    public MappedBoard(PciDeviceModel model, VfioOptions? options = null)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "machines", "virt-gicv3.yaml");
        MachineBuilder builder = new(MachineYaml.Read(path, File.ReadAllText(path)).Value);
        Assert.True(PciAddress.TryParse(Slot, out PciAddress address));
        Board.Ok(builder.Plug(address, model));
        Machine = Board.Ok(builder.Build());
        Host = Machine.CreateVfioHost(options ?? new VfioOptions());
        Physical = Machine.Devices.Single(static device => device.Name == Slot);
    }

    public Machine Machine { get; }

    public VfioHost Host { get; }

    public PassthroughDevice Physical { get; }

    public PciFunction Function => Physical.Function;

    public VfioContainer Container { get; private set; } = null!;

    public VfioGroup Group { get; private set; } = null!;

    public VfioDevice Open()
    {
        Container = Host.OpenContainer();
        Group = Board.Ok(Host.OpenGroup(Machine.GroupOf(Physical).Id));
        Board.Ok(Group.SetContainer(Container));
        Board.Ok(Container.SetIommu(VfioIommuType.Type1v2));
        return Board.Ok(Group.OpenDevice(Slot));
    }
}
