using Doorbell.Devices;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using Doorbell.Msi;
using Doorbell.Pci;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines;

/// <summary>Boards with something of their own: verdict, window or hardware's range, usable ranges, and an MSI that arrives.</summary>
public class BoardTests
{
    private const ulong Its = 0xc601_0040;
    private const ulong SecondIts = 0x400_c601_0040;

    [Theory]
    [InlineData("hisilicon-d05", "0002:f9:00.0", 0xc601_0000, Its)]
    [InlineData("hisilicon-d05", "000a:11:00.0", 0x400_c601_0000, SecondIts)]
    public void I1_I9_On_the_D05_the_translation_frame_is_reserved_and_the_message_is_its_physical_address(string machine, string slot, ulong frame, ulong doorbell)
    {
        var board = new BoardAt(machine, slot);
        Assert.Equal([new ReservedRegion(new Iova(frame), 0x1_0000, ReservedRegionType.Msi)], board.Physical.ReservedRegions);
        Assert.False(board.Domain.MsiMapping);
        Assert.Equal([new IovaRange(default, new Iova(frame - 1)), new IovaRange(new Iova(frame + 0x1_0000), new Iova(0xffff_ffff_ffff))], board.UsableRanges);
        Assert.Equal(Errno.EINVAL, board.Map(frame, 0x1000).Errno);
        Assert.True(board.Map(0x800_0000, 0x10_0000).IsOk);
        board.Events.Clear();

        Assert.Equal(doorbell, board.Arm().Address);
        Assert.True(board.RaiseArrives());
        Assert.Empty(board.Events.OfType<IommuMapEvent>());
        Assert.True(board.Close());
    }

    [Fact]
    public void N4_On_the_D05_the_ITS_still_looks_at_who_writes_though_the_SMMU_does_not()
    {
        var board = new BoardAt("hisilicon-d05", "0002:f9:00.0");
        board.Arm();
        PassthroughDevice port = board.Machine.Devices.First(device => device.Name == "0002:f8:00.0");
        Assert.False(port.Function.Upstream!.WriteMsi(new Iova(Its), 0));
        Assert.Equal(0xf800u, board.Events.OfType<MsiRefusedEvent>().Single().DeviceId.Value);

        // Everything else a device writes is translated as ever.
        Assert.False(port.Function.Upstream!.WriteMsi(new Iova(0xc602_0040), 0));
        Assert.Single(board.Events.OfType<IommuFaultEvent>());
    }

    [Theory]
    [InlineData("0006:90:00.0", "its", 0x1_9000u, 0x8010_0003_0040)]
    [InlineData("000e:90:00.0", "its1", 0x1_9000u, 0x9010_0003_0040)]
    public void M11_On_the_ThunderX_each_socket_has_its_ITS_and_a_window_over_it(string slot, string its, uint deviceId, ulong doorbell)
    {
        var board = new BoardAt("cavium-thunderx", slot);
        Assert.Equal(($"{its}-pci-msi", deviceId, 0x9000u), (board.Physical.MsiDomain!.Name, board.Physical.DeviceId.Value, board.Physical.StreamId.Value));
        Assert.Equal([ReservedRegion.DefaultSoftwareMsi], board.Physical.ReservedRegions);
        Assert.True(board.Domain.MsiMapping);

        Assert.Equal(0x800_0040UL, board.Arm().Address);
        Assert.True(board.Domain.TryTranslate(new Iova(0x800_0040), IommuProtection.Write, out PhysicalAddress pa));
        Assert.Equal(doorbell, pa.Value);
        Assert.True(board.RaiseArrives());
        Assert.True(board.Close());
    }

    [Fact]
    public void N4_A_device_of_one_socket_raises_nothing_at_the_other_sockets_ITS()
    {
        var board = new BoardAt("cavium-thunderx", "000e:90:00.0", "0006:90:00.0");
        board.Arm();
        PassthroughDevice other = board.Machine.Devices.Single(device => device.Name == "0006:90:00.0");
        Assert.NotEqual(board.Physical.Iommu, other.Iommu);
        Assert.False(other.Function.Upstream!.WriteMsi(new Iova(0x800_0040), 0));
        Assert.Equal("smmu1", board.Events.OfType<IommuFaultEvent>().Single().Iommu);
    }

    [Theory]
    [InlineData("hisilicon-d05", true)]
    [InlineData("cavium-thunderx", true)]
    [InlineData("q35-intel-ir", true)]
    [InlineData("q35-amd-ir", true)]
    [InlineData("q35-intel-noir", false)]
    [InlineData("amd-overdrive", false)]
    public void V3_A_board_is_safe_where_something_looks_at_who_writes(string machine, bool safe)
    {
        Machine built = new MachineBuilder(TestMachines.Load(machine)).Build().Value;
        Assert.All(built.MsiDomains, domain => Assert.Equal(safe, domain.IsIsolated));
        Assert.All(built.MsiDomains, domain => Assert.Equal(safe, MsiDomain.GetDomainInfo(domain)!.IrqRemapping));
        bool remapsItself = machine.StartsWith("q35", StringComparison.Ordinal) && safe;
        Assert.All(built.Iommus, iommu => Assert.Equal(remapsItself, iommu.ClaimsInterruptRemapping));
    }

    [Fact]
    public void M2_A_pre_ITS_takes_isolation_away()
    {
        // A Socionext SynQuacer's: whoever writes is who the address says (Linux, its_enable_quirk_socionext_synquacer).
        string text = TestMachines.Text("virt-gicv3").Replace("    device-id-bits: 16 ", "    pre-its: {base: 0x0c00_0000, size: 256K}\n    device-id-bits: 16 ", StringComparison.Ordinal);
        Result<MachineDescription> description = MachineYaml.Read("board.yaml", text);
        Assert.True(description.IsOk, description.Reason);
        Machine machine = new MachineBuilder(description.Value).Build().Value;
        Assert.False(machine.MsiDomains[0].IsIsolated);

        Assert.EndsWith(
            "msi-controllers[0].device-id-bits: expected a number of bits from 1 to 14, not \"16\".",
            MachineYaml.Read("board.yaml", text.Replace("256K", "64K", StringComparison.Ordinal)).Reason,
            StringComparison.Ordinal);
        Assert.EndsWith(
            "msi-controllers[0].pre-its.size: expected a power of two, a word a DeviceID, not 0x3000.",
            MachineYaml.Read("board.yaml", text.Replace("256K", "12K", StringComparison.Ordinal)).Reason,
            StringComparison.Ordinal);
    }

    /// <summary>A machine with a pci-test in some slots, the first of them assigned.</summary>
    private sealed class BoardAt
    {
        private readonly VfioHost _host;
        private readonly VfioContainer _container;
        private readonly VfioGroup _group;
        private readonly VfioDevice _device;
        private readonly CountingTrigger _trigger = new();

        public BoardAt(string machine, params string[] slots)
        {
            var builder = new MachineBuilder(TestMachines.Load(machine));
            foreach (string slot in slots)
            {
                Assert.True(PciAddress.TryParse(slot, out PciAddress address));
                Board.Ok(builder.Plug(address, new PciTestDevice()));
            }

            Machine = Board.Ok(builder.Build());
            Machine.Events.Subscribe(Events.Add);
            Physical = Machine.Devices.Single(device => device.Name == slots[0]);
            _host = Machine.CreateVfioHost(new VfioOptions());
            _container = _host.OpenContainer();
            _group = Board.Ok(_host.OpenGroup(Machine.GroupOf(Physical).Id));
            Board.Ok(_group.SetContainer(_container));
            Board.Ok(_container.SetIommu(VfioIommuType.Type1v2));
            _device = Board.Ok(_group.OpenDevice(slots[0]));
        }

        public Machine Machine { get; }

        public PassthroughDevice Physical { get; }

        public List<Doorbell.Events.MachineEvent> Events { get; } = [];

        public IommuDomain Domain => Physical.Iommu!.GetStream(Physical.StreamId).Domain;

        public IEnumerable<IovaRange> UsableRanges => Board.Ok(_container.GetInfo()).UsableRanges;

        public Result Map(ulong iova, ulong size) =>
            _container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, Board.Memory, new Iova(iova), size, new ArrayMemory(Board.Memory, 0x40_0000));

        public MsiMessage Arm()
        {
            Board.Ok(_device.WriteRegion(VfioRegionIndex.Config, 4, [6, 0]));
            Board.Ok(_device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 1, default, [_trigger]));
            MsiXEntry entry = Physical.Function.MsiX!.ReadEntry(0);
            return new MsiMessage(entry.Address, entry.Data);
        }

        public bool RaiseArrives()
        {
            int before = _trigger.Signals;
            Board.Ok(_device.WriteRegion(0, (ulong)PciTestDevice.Register.Raise, [0, 0, 0, 0]));
            return _trigger.Signals == before + 1;
        }

        public bool Close()
        {
            _device.Release();
            _group.Release();
            _container.Release();
            return _host.IsIdle;
        }
    }
}
