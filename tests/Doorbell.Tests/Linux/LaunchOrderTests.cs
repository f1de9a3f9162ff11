using System.Text;
using Doorbell.Linux.Launch;
using Doorbell.Linux.Native;
using Doorbell.Linux.Views;

namespace Doorbell.Tests.Linux;

public class LaunchOrderTests
{
    [Fact]
    public void An_order_arrives_as_it_was_sent()
    {
        SysView view = new SysView().Hide("/sys/devices/pci*").Directory("/dev/vfio").Node("/dev/vfio/vfio")
            .File("/sys/bus/pci/x", "0x1af4\n").LiveFile("/sys/bus/pci/z", new byte[] { 1, 2 })
            .Symlink("/sys/bus/pci/y", "../../é");
        var order = new LaunchOrder
        {
            UnshareMounts = true,
            DropCapabilities = false,
            FileLimit = 1024,
            FileRoom = 12288,
            Environment = [(byte)'A', (byte)'=', 0xff, 0],
            Command = [[(byte)'q'], [], [0xff, (byte)' ']],
            View = view,
        };

        LaunchOrder arrived = LaunchOrder.Decode(order.Encode());

        Assert.Equal((true, false, 1024ul, 12288ul), (arrived.UnshareMounts, arrived.DropCapabilities, arrived.FileLimit, arrived.FileRoom));
        Assert.Equal(order.Environment, arrived.Environment);
        Assert.Equal(order.Command, arrived.Command);
        Assert.Equal(view.Hidden, arrived.View.Hidden);
        Assert.Equal(view.Entries.Select(Text), arrived.View.Entries.Select(Text));

        static string Text(SysEntry entry) => $"{entry.Kind} {entry.Path} {entry.Mode} {Encoding.UTF8.GetString(entry.Content.Span)}";
    }

    [Fact]
    public void What_the_launcher_made_arrives_as_it_was_sent()
    {
        var prepared = new PreparedClient(5, 6, 7, [new FileIdentity(1, 2), new FileIdentity(3, ulong.MaxValue)], ["/dev/x: EINVAL"]);

        PreparedClient arrived = PreparedClient.Decode(prepared.Encode(), prepared.Descriptors);

        Assert.Equal((5, 6, 7), (arrived.Listener, arrived.FilesDirectory, arrived.LiveSys));
        Assert.Equal(prepared.Nodes, arrived.Nodes);
        Assert.Equal(prepared.Missing, arrived.Missing);
    }

    [Fact]
    public async Task A_message_travels_with_its_descriptors_and_a_dead_end_is_noticed()
    {
        (int left, int right) = LaunchChannel.CreatePair().Value;
        using var sender = new LaunchChannel(left);
        using var receiver = new LaunchChannel(right);
        byte[] payload = new byte[100_000];
        payload[^1] = 7;
        int fd = Sys.OpenAt(Sys.AtFdCwd, "/dev/null\0"u8, Sys.O_RDWR | Sys.O_CLOEXEC);

        Task<bool> sent = Task.Run(() => sender.Send(LaunchMessage.Ready, payload, [fd]));
        Assert.True(receiver.TryReceive(out LaunchMessage message, out byte[] received, out int[] fds));
        Assert.True(await sent);

        Assert.Equal(LaunchMessage.Ready, message);
        Assert.Equal(payload, received);
        Span<byte> path = stackalloc byte[ProcPath.Size];
        Sys.Stat(fd, "\0"u8, Sys.AtEmptyPath, out FileIdentity wanted);
        Sys.Stat(Sys.AtFdCwd, ProcPath.OfOwnFd(path, Assert.Single(fds)), 0, out FileIdentity found);
        Assert.Equal(wanted, found);

        Sys.Close(fd);
        Sys.Close(fds[0]);
        sender.Dispose();
        Assert.False(receiver.TryReceive(out _, out _, out _));
    }
}
