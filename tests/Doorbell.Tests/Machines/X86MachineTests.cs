using Doorbell.Devices;
using Doorbell.Gic.Events;
using Doorbell.Iommu;
using Doorbell.Iommu.Events;
using Doorbell.Machines;
using Doorbell.Tests.Vfio;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines;

/// <summary>The q35 boards end to end: what Linux answered on them (captures, section "x86") is what has to come out.</summary>
public class X86MachineTests
{
    public static TheoryData<string> Remapping => ["q35-intel-ir", "q35-amd-ir"];

    [Theory]
    [MemberData(nameof(Remapping))]
    public void I9_The_interrupt_range_is_reserved_and_cut_out_and_nothing_is_mapped_for_MSIs(string machine)
    {
        Board board = new Board(machine).Assign();
        Assert.Contains(board.Physical().ReservedRegions, region => region == new ReservedRegion(new Iova(0xfee0_0000), 0x10_0000, ReservedRegionType.Msi));
        IReadOnlyList<IovaRange> usable = Board.Ok(board.Container.GetInfo()).UsableRanges;
        Assert.Equal(new IovaRange(new Iova(0), new Iova(0xfedf_ffff)), usable[0]);
        Assert.Equal(0xfef0_0000UL, usable[1].First.Value);
        Assert.Equal(0xffff_ffff_ffffUL, usable[^1].Last.Value);
        Assert.False(board.Domain.MsiMapping);

        board.EnableBusMaster();
        board.ArmMsiX(4);
        Assert.Empty(board.Events.OfType<IommuMapEvent>());
    }

    [Theory]
    [MemberData(nameof(Remapping))]
    public void N5_Memory_cannot_be_mapped_over_the_interrupt_range(string machine)
    {
        Board board = new Board(machine).Assign();
        foreach (ulong iova in new[] { 0xfee0_0000UL, 0xfeef_f000UL, 0xfedf_f000UL })
        {
            Result mapped = board.Container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, Board.Memory, new Iova(iova), 0x2000, board.Client);
            Assert.Equal(Errno.EINVAL, mapped.Errno);
        }

        board.Map(0x800_0000, 0x1000);
    }

    [Theory]
    [MemberData(nameof(Remapping))]
    public void M4_An_armed_vector_arrives_past_the_page_tables(string machine)
    {
        Board board = new Board(machine).Assign();
        board.EnableBusMaster();
        CountingTrigger[] triggers = board.ArmMsiX(4);
        for (uint vector = 0; vector < 4; vector++)
        {
            board.Write(PciTestDevice.Register.Raise, vector);
            Assert.Equal(1, triggers[vector].Signals);
        }

        board.Close();
        Assert.True(board.Host.IsIdle);
    }

    [Theory]
    [MemberData(nameof(Remapping))]
    public void I10_A_read_of_the_interrupt_range_is_a_fault(string machine)
    {
        Board board = new Board(machine).Assign().Map(0x10_0000, 0x1_0000);
        board.EnableBusMaster();
        Assert.Equal(PciTestDevice.CopyStatus.SourceFault, board.Copy(0xfee0_0018, 0x10_0000, 4));
        IommuFaultEvent fault = Assert.Single(board.Events.OfType<IommuFaultEvent>());
        Assert.Equal((0xfee0_0018UL, IommuProtection.Read), (fault.Iova.Value, fault.Access));
    }

    [Fact]
    public void N4_A_device_that_writes_anothers_message_by_DMA_is_refused_by_its_source_ID()
    {
        Board board = new Board("q35-intel-ir", false, "0000:01:00.0", "0000:02:00.0").Assign().Map(0x10_0000, 0x1_0000);
        board.EnableBusMaster();
        CountingTrigger[] triggers = board.ArmMsiX(1);
        PassthroughDevice foreign = board.Physical("0000:02:00.0");
        Assert.False(foreign.Function.Upstream!.WriteMsi(new Iova(0xfee0_0018), 0));
        Assert.Equal("26h: entry 0x0 takes writes of 01:00.0, not of 02:00.0", Assert.Single(board.Events.OfType<MsiRefusedEvent>()).Reason);
        Assert.Equal(0, triggers[0].Signals);

        // Its own, by DMA, is an MSI like any other.
        Assert.Equal(PciTestDevice.CopyStatus.Done, board.Copy(0x10_0000, 0xfee0_0018, 4));
        Assert.Equal(1, triggers[0].Signals);
    }

    [Fact]
    public void V3_Without_remapping_a_group_is_refused_and_the_administrator_may_override()
    {
        Board board = new("q35-intel-noir");
        VfioContainer container = board.Host.OpenContainer();
        VfioGroup group = Board.Ok(board.Host.OpenGroup(board.GroupOf().Id));
        Board.Ok(group.SetContainer(container));
        Assert.Equal(Errno.EPERM, container.SetIommu(VfioIommuType.Type1v2).Errno);
        Assert.Equal("V3", board.Refusals.Single().Rule);
        Assert.StartsWith("Turn interrupt remapping on", board.Refusals.Single().Remedy, StringComparison.Ordinal);

        Board unsafeBoard = new Board("q35-intel-noir", allowUnsafe: true).Assign();
        Assert.Single(unsafeBoard.Events.OfType<UnsafeInterruptsAllowed>());
        unsafeBoard.EnableBusMaster();
        CountingTrigger[] triggers = unsafeBoard.ArmMsiX(2);
        unsafeBoard.Write(PciTestDevice.Register.Raise, 1);
        Assert.Equal((0, 1), (triggers[0].Signals, triggers[1].Signals));
    }

    [Theory]
    [InlineData("q35-intel-ir", true)]
    [InlineData("q35-intel-noir", false)]
    [InlineData("q35-amd-ir", true)]
    public void I2_The_IOMMU_claims_interrupt_remapping_while_it_is_on(string machine, bool claims)
    {
        Board board = new(machine);
        Assert.Equal(claims, board.Machine.Iommus[0].ClaimsInterruptRemapping);
        Assert.Equal(claims, board.Machine.MsiDomains[0].IsIsolated);
    }

    [Fact]
    public void V4_Both_functions_behind_a_PCI_bridge_are_in_its_group_and_are_known_by_their_bus()
    {
        var builder = new MachineBuilder(TestMachines.Load("q35-intel-ir"));
        foreach (byte device in new byte[] { 1, 2 })
        {
            Assert.True(builder.Plug(new PciAddress(0, 3, device, 0), new PciTestDevice(isExpress: false)).IsOk);
        }

        Machine machine = builder.Build().Value;
        PassthroughDevice first = machine.Find(new PciAddress(0, 3, 1, 0))!;
        Assert.Equal(["0000:00:07.0", "0000:03:01.0", "0000:03:02.0"], machine.GroupOf(first).Devices.Select(device => device.Name));
        Assert.Equal(0x300u, first.DeviceId.Value);

        // One group, one container, one source ID between them: both can be armed, and each MSI finds its own vector.
        VfioHost host = machine.CreateVfioHost(new VfioOptions());
        VfioContainer container = host.OpenContainer();
        VfioGroup group = Board.Ok(host.OpenGroup(machine.GroupOf(first).Id));
        Board.Ok(group.SetContainer(container));
        Board.Ok(container.SetIommu(VfioIommuType.Type1v2));
        (VfioDevice Device, CountingTrigger Trigger)[] both = [.. new[] { "0000:03:01.0", "0000:03:02.0" }.Select(name => (Board.Ok(group.OpenDevice(name)), new CountingTrigger()))];
        foreach ((VfioDevice device, CountingTrigger trigger) in both)
        {
            Board.Ok(device.WriteRegion(VfioRegionIndex.Config, 4, [6, 0]));
            Board.Ok(device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, VfioIrqIndex.MsiX, 0, 1, default, [trigger]));
        }

        Board.Ok(both[1].Device.WriteRegion(0, (ulong)PciTestDevice.Register.Raise, [0, 0, 0, 0]));
        Assert.Equal((0, 1), (both[0].Trigger.Signals, both[1].Trigger.Signals));

        // Nobody from another bus passes.
        Assert.False(machine.Find(new PciAddress(0, 0, 5, 0))!.Function.Upstream!.WriteMsi(new Iova(0xfee0_0018), 0));
        foreach ((VfioDevice device, _) in both)
        {
            device.Release();
        }

        group.Release();
        container.Release();
        Assert.True(host.IsIdle);
    }

    [Theory]
    [InlineData("    msi-parent: apic", "    msi-map: [{rid-base: 0, controller: apic, device-base: 0x1_0000, length: 0x1_0000}]", "pci-hosts[0].msi-map[0].device-base: expected an ID that MSI controller apic can hold, below 0x10000, not \"0x1_0000\".")]
    [InlineData("    type: apic", "    type: gicv3-its", "msi-controllers[0].type: expected apic, not \"gicv3-its\".")]
    [InlineData("    model: vt-d", "    model: smmuv3", "iommus[0].model: expected vt-d or amd-vi, not \"smmuv3\".")]
    [InlineData("    interrupt-remapping: yes", "    msi-window: {base: 0, size: 4K}", "iommus[0].msi-window: this key is not known here: expected one of base, granules, input-bits, interrupt-remapping, model, name, output-bits, product, size.")]
    [InlineData("    base: 0xfed9_0000", "    base: 0xfee0_0000", "iommus[0].base: IOMMU vtd at 0xfee00000-0xfee00fff overlaps interrupt address range of apic at 0xfee00000-0xfeefffff (line 16): expected ranges that share nothing.")]
    public void What_an_x86_machine_cannot_have_is_refused_in_one_sentence(string good, string bad, string sentence)
    {
        string text = TestMachines.Text("q35-intel-ir");
        Assert.Contains(good, text, StringComparison.Ordinal);
        Assert.EndsWith(sentence, Doorbell.Machines.Yaml.MachineYaml.Read("board.yaml", text.Replace(good, bad, StringComparison.Ordinal)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AMD_reserves_the_HyperTransport_range_too() =>
        Assert.Contains(new ReservedRegion(new Iova(0xfd_0000_0000), 0x3_0000_0000, ReservedRegionType.Reserved), new Board("q35-amd-ir").Physical().ReservedRegions);
}
