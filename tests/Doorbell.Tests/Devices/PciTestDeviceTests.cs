using Doorbell.Devices;
using Doorbell.Pci;
using Doorbell.Tests.Pci;
using static Doorbell.Devices.PciTestDevice;

namespace Doorbell.Tests.Devices;

public class PciTestDeviceTests
{
    private readonly FakeRequester _upstream = new(0x10_0000);
    private readonly PciFunction _function;

    public PciTestDeviceTests()
    {
        _function = new PciFunction(new PciAddress(0, 1, 0, 0), new PciTestDevice()) { Upstream = _upstream };
        _function.Enable();
    }

    [Fact]
    public void It_can_be_told_apart_and_keeps_what_is_written_to_scratch()
    {
        Assert.Equal(Identification, Read(Register.Id));
        Assert.Equal(1u, Read(Register.Version));
        Write(Register.Scratch, 0x1122_3344);
        _function.WriteBar(0, (ulong)Register.Scratch + 1, [0xaa]);
        Assert.Equal(0x1122_aa44u, Read(Register.Scratch));
        var one = new byte[1];
        _function.ReadBar(0, (ulong)Register.Scratch + 3, one);
        Assert.Equal(0x11, one[0]);
        Assert.Equal(0u, _function.Bar32(0, 0x800));
    }

    [Fact]
    public void It_raises_the_vector_it_is_told_and_says_what_came_of_it()
    {
        Write(Register.Raise, 3);
        Assert.Equal(2u, Read(Register.Raised));
        _function.MsiX!.SetEnabled(true);
        _function.MsiX.WriteEntry(3, 0x0800_0040, 0, 33);
        _function.MsiX.SetMask(3, false);
        Write(Register.Raise, 3);
        Assert.Equal(1u, Read(Register.Raised));
        Assert.Equal(1u, Read(Register.Raises));
        Assert.Equal(8u, Read(Register.Vectors));
        Assert.Equal([(0x0800_0040UL, 33u)], _upstream.Msis);
        Write(Register.Raise, 8);
        Assert.Equal(2u, Read(Register.Raised));
    }

    [Fact]
    public void It_copies_between_two_IOVAs_at_any_alignment_and_length()
    {
        for (int i = 0; i < 20000; i++)
        {
            _upstream.At(0x10_0123, 20000)[i] = (byte)(i * 7);
        }

        Copy(0x10_0123, 0x18_0001, 20000, 1);
        Assert.Equal((uint)CopyStatus.Done, Read(Register.Status));
        Assert.Equal(20000u, Read(Register.Copied));
        Assert.True(_upstream.At(0x10_0123, 20000).SequenceEqual(_upstream.At(0x18_0001, 20000)));
        Assert.Equal(1u, Read(Register.Copies));
    }

    [Fact]
    public void I10_A_fault_moves_nothing_and_says_on_which_side_it_was()
    {
        Copy(0x1000, 0x10_0000, 64, 1);
        Assert.Equal((uint)CopyStatus.SourceFault, Read(Register.Status));
        Copy(0x10_0000, 0x1000, 64, 1);
        Assert.Equal((uint)CopyStatus.DestinationFault, Read(Register.Status));
        Assert.Equal(0u, Read(Register.Copied));
        Assert.Equal(2u, Read(Register.Faults));
        Assert.Equal(0u, Read(Register.Copies));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(MaxLength + 1)]
    public void A_length_it_cannot_copy_is_said(int length)
    {
        Copy(0x10_0000, 0x11_0000, (uint)length, 1);
        Assert.Equal((uint)CopyStatus.BadLength, Read(Register.Status));
        Assert.Equal(0, _upstream.Reads);
    }

    [Fact]
    public void A_copy_can_raise_a_vector_when_it_is_done()
    {
        _function.Msi!.WriteMessage(0x0800_0040, 0, 0x40);
        _function.Msi.SetEnabled(true, 8);
        Copy(0x10_0000, 0x11_0000, 4, 3 | (5u << 16));
        Assert.Equal([(0x0800_0040UL, 0x45u)], _upstream.Msis);
    }

    [Fact]
    public void INTx_follows_its_register_and_a_reset_releases_it()
    {
        Write(Register.Intx, 1);
        Assert.True(_function.IsIntxAsserted);
        Write(Register.Intx, 0);
        Assert.False(_function.IsIntxAsserted);
        Write(Register.Intx, 1);
        _function.ResetFunction();
        Assert.False(_function.IsIntxPending);
        _function.Enable();
        Assert.Equal(0u, Read(Register.Intx));
    }

    [Fact]
    public void Without_bus_mastering_a_copy_faults()
    {
        _function.SetCommand(PciCommand.MemorySpace);
        Copy(0x10_0000, 0x11_0000, 4, 1);
        Assert.Equal((uint)CopyStatus.SourceFault, Read(Register.Status));
        Assert.Equal(0, _upstream.Reads);
    }

    [Fact]
    public void The_largest_MSI_X_table_fits_its_BAR()
    {
        var function = new PciFunction(default, new PciTestDevice(2048)) { Upstream = _upstream };
        function.Enable();
        function.MsiX!.SetEnabled(true);
        function.Bar32(2, (2047 * 16) + 8, 77);
        function.Bar32(2, (2047 * 16) + 12, 0);
        Assert.True(function.RaiseMsi(2047));
        Assert.Equal(77u, _upstream.Msis[0].Data);
        Assert.Equal(0x10000u, function.Bars[2]!.Size);
    }

    private uint Read(Register register) => _function.Bar32(0, (ulong)register);

    private void Write(Register register, uint value) => _function.Bar32(0, (ulong)register, value);

    private void Copy(ulong source, ulong destination, uint length, uint command)
    {
        _function.Bar64(0, (ulong)Register.SourceLow, source);
        _function.Bar64(0, (ulong)Register.DestinationLow, destination);
        Write(Register.Length, length);
        Write(Register.Copy, command);
    }
}
