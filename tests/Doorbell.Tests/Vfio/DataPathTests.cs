using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

public class DataPathTests
{
    private const int Raises = 10_000;
    private const int WarmUp = 100;

    [Theory]
    [InlineData("virt-gicv3", VfioIrqIndex.MsiX)]
    [InlineData("virt-gicv3", VfioIrqIndex.Msi)]
    [InlineData("virt-gicv2m", VfioIrqIndex.MsiX)]
    [InlineData("virt-gicv2m", VfioIrqIndex.Msi)]
    public void The_whole_road_from_a_device_s_vector_to_the_client_s_eventfd_allocates_nothing_while_nobody_listens(string machine, uint index)
    {
        Board board = new Board(machine, allowUnsafe: true).Assign();
        board.EnableBusMaster();
        CountingTrigger[] triggers = [.. Enumerable.Range(0, 2).Select(_ => new CountingTrigger())];
        Board.Ok(board.Device.SetIrqs(VfioIrqSetFlags.DataEventfd | VfioIrqSetFlags.ActionTrigger, index, 0, 2, default, triggers));
        board.StopListening();
        int told = board.Events.Count;
        PciFunction function = board.Physical().Function;
        Assert.Equal(WarmUp, Raise(function, WarmUp));

        int sent = 0;
        int attempts = Allocations.None(() => sent += Raise(function, Raises));

        Assert.Equal(attempts * Raises, sent);
        Assert.All(triggers, trigger => Assert.Equal((WarmUp + (attempts * Raises)) / 2, trigger.Signals));
        Assert.Equal(told, board.Events.Count);
    }

    private static int Raise(PciFunction function, int times)
    {
        int sent = 0;
        for (int i = 0; i < times; i++)
        {
            sent += function.RaiseMsi(i & 1) ? 1 : 0;
        }

        return sent;
    }
}
