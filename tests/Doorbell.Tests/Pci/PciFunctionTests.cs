using Doorbell.Events;
using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

public class PciFunctionTests
{
    private readonly PlainModel _model = new(PlainModel.Simple);
    private readonly FakeRequester _upstream = new();
    private readonly EventStream _events = new();
    private readonly List<MachineEvent> _seen = [];
    private readonly PciFunction _function;

    public PciFunctionTests()
    {
        _events.Subscribe(_seen.Add);
        _function = new PciFunction(new PciAddress(0, 1, 0, 0), _model, _events) { Upstream = _upstream };
    }

    [Fact]
    public void The_header_shows_the_devices_identity()
    {
        Assert.Equal(0x5678_1234u, _function.Config32(0));
        Assert.Equal(0xff01_0207u, _function.Config32(8));
        Assert.Equal(0xef01_abcdu, _function.Config32(0x2c));
        Assert.Equal(1, _function.Config.Read8(PciHeader.InterruptPin));
        _function.Config32(0, 0);
        Assert.Equal(0x5678_1234u, _function.Config32(0));
    }

    [Theory]
    [InlineData(0x10, 0xffff_c00cu)]
    [InlineData(0x14, 0xffff_ffffu)]
    [InlineData(0x18, 0xffff_f000u)]
    [InlineData(0x1c, 0xffff_ffe1u)]
    [InlineData(0x20, 0x0000_0004u)]
    [InlineData(0x24, 0xffff_fffeu)]
    [InlineData(0x30, 0u)]
    public void Sizing_a_BAR_shows_its_size_and_kind(int register, uint answer)
    {
        _function.Config32(register, uint.MaxValue);
        Assert.Equal(answer, _function.Config32(register));
    }

    [Fact]
    public void A_BAR_holds_the_address_it_is_given_and_refuses_one_it_cannot_have()
    {
        Assert.True(_function.Bars[0]!.Place(0x80_0000_4000).IsOk);
        Assert.Equal(0x80_0000_4000u, _function.Bars[0]!.Address);
        Assert.Equal(0x0000_400cu, _function.Config32(0x10));
        Assert.Equal(0x80u, _function.Config32(0x14));
        Assert.Null(_function.Bars[1]);
        Assert.Equal(Errno.EINVAL, _function.Bars[0]!.Place(0x2000).Errno);
        Assert.Equal(Errno.EINVAL, _function.Bars[2]!.Place(0x1_0000_0000).Errno);
        Assert.True(_function.Bars[3]!.Place(0x6000).IsOk);
        Assert.Equal(0x6001u, _function.Config32(0x1c));
    }

    [Fact]
    public void A_BAR_decodes_only_while_its_space_is_enabled_and_the_function_is_in_D0()
    {
        Assert.False(_function.IsBarEnabled(0));
        Assert.Equal(uint.MaxValue, _function.Bar32(0, 0));
        _function.Bar32(0, 0, 1);
        _function.SetCommand(PciCommand.MemorySpace);
        Assert.True(_function.IsBarEnabled(0));
        Assert.False(_function.IsBarEnabled(1));
        Assert.False(_function.IsBarEnabled(3));
        Assert.False(_function.IsBarEnabled(6));
        Assert.Equal(0u, _function.Bar32(0, 0));
        _function.Bar32(0, 0, 0x1234);
        Assert.Equal(0x1234u, _function.Bar32(0, 0));

        int status = _function.PowerManagement!.Offset + PowerManagementCapability.ControlStatus;
        _function.Config16(status, 3);
        Assert.False(_function.IsBarEnabled(0));
        _function.Config16(status, 0);
        Assert.True(_function.IsBarEnabled(0));
        Assert.Equal(0x1234u, _function.Bar32(0, 0));
    }

    [Fact]
    public void An_access_across_the_edge_of_the_MSI_X_table_reaches_both_sides_once()
    {
        _function.Enable();
        _function.Bar64(0, 0xffc, 0xfee0_0004_1111_2222);
        Assert.Equal([(0, 0xffcUL, 4)], _model.Accesses);
        Assert.Equal(0x1111_2222u, _function.Bar32(0, 0xffc));
        Assert.Equal(0xfee0_0004u, _function.MsiX!.ReadEntry(0).AddressLo);
        _function.Bar32(0, 0x3ffe, 0xaabb_ccdd);
        Assert.Equal(0xffff_ccddu, _function.Bar32(0, 0x3ffe));
    }

    [Fact]
    public void Without_bus_mastering_there_is_no_DMA_and_no_MSI_and_it_is_said()
    {
        _function.SetCommand(PciCommand.MemorySpace);
        _function.MsiX!.SetEnabled(true);
        _function.MsiX.WriteEntry(0, 0x1000, 0, 5);
        _function.MsiX.SetMask(0, false);
        Assert.False(_function.RaiseMsi(0));
        Assert.False(_function.ReadMemory(new Iova(0), new byte[4]));
        Assert.False(_function.WriteMemory(new Iova(0x40), new byte[4]));
        Assert.Equal((0, 0, 0), (_upstream.Reads, _upstream.Writes, _upstream.MsiCount));
        Assert.Equal(
            [PciRefusal.BusMasterDisabled, PciRefusal.BusMasterDisabled, PciRefusal.BusMasterDisabled],
            _seen.OfType<PciTransactionRefused>().Select(refused => refused.Reason));

        _function.Enable();
        Assert.True(_function.RaiseMsi(0));
        Assert.True(_function.ReadMemory(new Iova(0), new byte[4]));
        Assert.True(_function.WriteMemory(new Iova(0), new byte[4]));
    }

    [Fact]
    public void Outside_D0_there_is_no_DMA()
    {
        _function.Enable();
        _function.Config16(_function.PowerManagement!.Offset + PowerManagementCapability.ControlStatus, 3);
        Assert.False(_function.ReadMemory(new Iova(0), new byte[4]));
        Assert.Equal(PciRefusal.NotInD0, Assert.IsType<PciTransactionRefused>(_seen[^1]).Reason);
    }

    [Fact]
    public void A_function_connected_to_nothing_says_so()
    {
        _function.Enable();
        _function.Upstream = null;
        Assert.False(_function.WriteMemory(new Iova(0), new byte[4]));
        Assert.Equal(PciRefusal.NotConnected, Assert.IsType<PciTransactionRefused>(_seen[^1]).Reason);
    }

    [Fact]
    public void INTx_reaches_the_board_unless_the_command_register_or_a_message_capability_holds_it_back()
    {
        var sink = new LineRecorder();
        _function.IntxSink = sink;
        _function.Enable();
        _function.SetIntx(true);
        Assert.Equal(0x0008, _function.Config16(PciHeader.Status) & 0x0008);
        _function.SetCommand(_function.Command | PciCommand.InterruptDisable);
        Assert.Equal(0x0008, _function.Config16(PciHeader.Status) & 0x0008);
        _function.SetCommand(_function.Command & ~PciCommand.InterruptDisable);
        _function.MsiX!.SetEnabled(true);
        _function.MsiX.SetEnabled(false);
        _function.Msi!.SetEnabled(true, 1);
        _function.Msi.SetEnabled(false, 1);
        _function.SetIntx(true);
        _function.SetIntx(false);
        Assert.Equal([true, false, true, false, true, false, true, false], sink.Levels);
        Assert.Equal(0, _function.Config16(PciHeader.Status) & 0x0008);
    }

    [Fact]
    public void A_function_level_reset_keeps_the_BARs_and_clears_the_rest()
    {
        _function.Bars[0]!.Place(0x1000_4000);
        _function.Enable();
        _function.MsiX!.SetEnabled(true);
        _function.MsiX.WriteEntry(3, 0x1000, 1, 5);
        _function.MsiX.SetMask(3, false);
        Assert.True(_function.RaiseMsi(2));
        Assert.True(_function.MsiX.IsPending(2));
        _function.SetIntx(true);
        _function.Msi!.WriteMessage(0x2000, 3, 9);
        _function.Config.Write(PciHeader.InterruptLine, [0x55]);

        int control = _function.Express!.Offset + PciExpressCapability.DeviceControl;
        _function.Config16(control, (ushort)(_function.Config16(control) | PciExpressCapability.InitiateFunctionLevelReset));

        Assert.Equal(PciCommand.None, _function.Command);
        Assert.Equal(0x1000_4000u, _function.Bars[0]!.Address);
        Assert.False(_function.MsiX.IsEnabled);
        Assert.Equal(new MsiXEntry(0, 0, 0, true), _function.MsiX.ReadEntry(3));
        Assert.False(_function.MsiX.IsPending(2));
        Assert.False(_function.IsIntxPending);
        Assert.Equal((0u, 0u, 0u), _function.Msi.ReadBack());
        Assert.Equal(0, _function.Config.Read8(PciHeader.InterruptLine));
        Assert.Equal(0x2810, _function.Config16(control));
        Assert.Equal(1, _model.Resets);
        Assert.Single(_seen.OfType<PciFunctionReset>());
    }

    [Fact]
    public void The_PCI_Express_capability_is_read_only_where_the_specification_says_so()
    {
        PciExpressCapability express = _function.Express!;
        Assert.Equal(PciExpressType.Endpoint, express.Type);
        Assert.True(express.CanReset);
        uint before = _function.Config32(express.Offset + PciExpressCapability.DeviceCapabilities);
        _function.Config32(express.Offset + PciExpressCapability.DeviceCapabilities, ~before);
        Assert.Equal(before, _function.Config32(express.Offset + PciExpressCapability.DeviceCapabilities));
        _function.Config16(express.Offset + PciExpressCapability.DeviceControl, 0x7fff);
        Assert.Equal(0x7cff, _function.Config16(express.Offset + PciExpressCapability.DeviceControl));
    }

    [Fact]
    public void A_conventional_function_has_256_bytes_and_no_PCI_Express_capability()
    {
        var function = new PciFunction(new PciAddress(0, 0, 3, 0), new PlainModel(PlainModel.Simple with { IsExpress = false }));
        Assert.Equal(256, function.Config.Size);
        Assert.Null(function.Express);
        Assert.NotNull(function.MsiX);
    }

    private sealed class LineRecorder : IIntxSink
    {
        public List<bool> Levels { get; } = [];

        public void OnIntxChanged(PciFunction function) => Levels.Add(function.IsIntxAsserted);
    }
}
