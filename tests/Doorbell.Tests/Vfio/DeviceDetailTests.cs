using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>What the captures' device suite showed of a device fd.</summary>
public class DeviceDetailTests
{
    private const VfioIrqSetFlags Arm = VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger;

    [Fact]
    public void V5_a_descriptor_that_is_no_eventfd_fails_its_vector_and_disarms_those_before_it_in_the_call()
    {
        Board board = new Board().Assign();
        CountingTrigger[] armed = board.ArmMsiX(3);
        CountingTrigger fresh = new();
        Result<int> result = board.Device.SetIrqs(Arm, VfioIrqIndex.MsiX, 0, 3, default, [fresh, new DefectiveTrigger(Errno.EBADF), new CountingTrigger()]);
        Assert.Equal(Errno.EBADF, result.Errno);

        // The first vector's new trigger and the second's old one went; the third was not come to.
        Assert.Equal((1, 1, 1, 0), (fresh.Releases, armed[0].Releases, armed[1].Releases, armed[2].Releases));
        Assert.Equal(1, board.Device.ArmedVectors);
    }

    [Fact]
    public void V5_what_is_wrong_with_the_call_is_said_before_what_is_wrong_with_a_descriptor()
    {
        Board board = new Board().Assign();
        Assert.Equal(Errno.EINVAL, board.Device.SetIrqs(Arm, VfioIrqIndex.MsiX, 5000, 1, default, [new DefectiveTrigger(Errno.EBADF)]).Errno);
        Assert.Equal(Errno.ENOTTY, board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd, VfioIrqIndex.MsiX, 0, 1, default, [new DefectiveTrigger(Errno.EBADF)]).Errno);
        Assert.Equal(Errno.EBADF, board.Device.SetIrqs(Arm, VfioIrqIndex.Error, 0, 1, default, [new DefectiveTrigger(Errno.EBADF)]).Errno);
    }

    [Fact]
    public void In_low_power_an_access_wakes_the_device_for_as_long_as_it_takes_and_the_next_user_finds_it_awake()
    {
        Board board = new Board().Assign();
        byte[] four = new byte[4];
        Board.Ok(board.Device.Feature(VfioFeatureFlags.Set, VfioFeature.LowPowerEntry));
        Board.Ok(board.Device.ReadRegion(0, 0, four));
        Board.Ok(board.Device.ReadRegion(VfioRegionIndex.Config, 0, four));
        Assert.Equal(Errno.EINVAL, board.Device.Feature(VfioFeatureFlags.Set, VfioFeature.LowPowerEntry).Errno);
        board.Close();

        board.Assign();
        Board.Ok(board.Device.Feature(VfioFeatureFlags.Set, VfioFeature.LowPowerEntry));
        Board.Ok(board.Device.Feature(VfioFeatureFlags.Set, VfioFeature.LowPowerExit));
        Board.Ok(board.Device.Feature(VfioFeatureFlags.Set, VfioFeature.LowPowerEntry));
    }

    [Fact]
    public void A_feature_is_asked_for_and_used_in_the_ways_it_knows()
    {
        Board board = new Board().Assign();
        Assert.Equal(Errno.None, board.Device.Feature(VfioFeatureFlags.Probe | VfioFeatureFlags.Set, VfioFeature.LowPowerExit).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.Feature(VfioFeatureFlags.Probe | VfioFeatureFlags.Get, VfioFeature.LowPowerExit).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.Feature(VfioFeatureFlags.None, VfioFeature.LowPowerExit).Errno);
        Assert.Equal(Errno.EINVAL, board.Device.Feature(VfioFeatureFlags.Get | VfioFeatureFlags.Set, VfioFeature.LowPowerExit).Errno);
        Assert.Equal(Errno.ENOTTY, board.Device.Feature(VfioFeatureFlags.Probe, 1).Errno);
    }

    [Fact]
    public void The_interrupt_disable_bit_of_the_device_follows_the_users_whether_INTx_is_armed_or_not()
    {
        Board board = new Board().Assign();
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, [0x06, 0x04]));
        Assert.NotEqual(PciCommand.None, board.Physical().Function.Command & PciCommand.InterruptDisable);
        Board.Ok(board.Device.WriteRegion(VfioRegionIndex.Config, PciHeader.Command, [0x06, 0x00]));
        Assert.Equal(PciCommand.None, board.Physical().Function.Command & PciCommand.InterruptDisable);
    }

    private sealed class DefectiveTrigger(Errno defect) : IEventTrigger
    {
        public Errno Defect { get; } = defect;

        public void Signal() => throw new InvalidOperationException();

        public void Release()
        {
        }
    }
}
