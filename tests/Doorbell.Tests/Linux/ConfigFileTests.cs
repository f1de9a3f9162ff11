using Doorbell.Linux.Views;
using Doorbell.Pci;
using Doorbell.Tests.Vfio;

namespace Doorbell.Tests.Linux;

public class ConfigFileTests
{
    private readonly PciFunction _function = new Board().Physical().Function;
    private int _told;

    [Fact]
    public void T10_Only_the_bytes_that_changed_are_written()
    {
        var file = new ConfigFile("/sys/x/config", _function, () => _told++);
        Assert.True(file.TakeChange(out _).IsEmpty);

        _function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);

        Assert.Equal(1, _told);
        ReadOnlySpan<byte> change = file.TakeChange(out int offset);
        Assert.Equal((PciHeader.Command, 6), (offset, change.ToArray().Single()));
        Assert.True(file.TakeChange(out _).IsEmpty);
    }

    [Fact]
    public void T10_A_write_that_changes_nothing_is_no_change()
    {
        _function.SetCommand(PciCommand.MemorySpace);
        var file = new ConfigFile("/sys/x/config", _function, () => _told++);

        _function.SetCommand(PciCommand.MemorySpace);

        Assert.Equal(0, _told);
        Assert.True(file.TakeChange(out _).IsEmpty);
    }

    [Fact]
    public void T10_What_the_device_does_by_itself_shows_too()
    {
        var file = new ConfigFile("/sys/x/config", _function, () => _told++);

        _function.SetIntx(true);

        Assert.NotEqual(0, _told);
        ReadOnlySpan<byte> change = file.TakeChange(out int offset);
        Assert.Equal(PciHeader.Status, offset);
        Assert.Equal((byte)PciStatus.InterruptStatus, (byte)(change[0] & (byte)PciStatus.InterruptStatus));
    }

    [Fact]
    public void T10_A_reset_shows()
    {
        _function.SetCommand(PciCommand.MemorySpace);
        var file = new ConfigFile("/sys/x/config", _function, () => _told++);

        _function.ResetFunction();

        Assert.Equal(0, file.TakeChange(out int offset)[0]);
        Assert.Equal(PciHeader.Command, offset);
    }
}
