using System.Text;
using System.Text.Json;
using Doorbell.Events;
using Doorbell.Linux.Reporting;
using Doorbell.Linux.Tracing;

namespace Doorbell.Tests.Linux;

public class TracingTests
{
    [Fact]
    public void An_event_is_one_JSON_line_with_addresses_in_hexadecimal()
    {
        var stream = new MemoryStream();
        var events = new EventStream();
        using (new JsonTrace(stream, events))
        {
            events.Emit(new ClientIoctl(42, "container 1", "VFIO_SET_IOMMU", 3, "EPERM"));
            events.Emit(new ClientEnded(1, IsIdle: true));
        }

        string[] lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal("", lines[2]);
        JsonElement first = JsonDocument.Parse(lines[0]).RootElement;
        Assert.Equal("client.ioctl", first.GetProperty("kind").GetString());
        Assert.Equal("0x3", first.GetProperty("argument").GetString());
        Assert.Equal(42, first.GetProperty("tid").GetInt64());
        Assert.True(first.GetProperty("time").GetInt64() <= JsonDocument.Parse(lines[1]).RootElement.GetProperty("time").GetInt64());
    }

    [Fact]
    public void Nothing_listens_any_more_after_the_trace_is_closed()
    {
        var events = new EventStream();
        new JsonTrace(new MemoryStream(), events).Dispose();
        Assert.False(events.IsEnabled);
    }

    [Fact]
    public void A_full_disk_ends_the_trace_with_one_sentence_and_nothing_else()
    {
        List<string> said = [];
        var events = new EventStream();
        using (var trace = new JsonTrace(new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), events, said.Add))
        {
            events.Emit(new ClientEnded(1, IsIdle: true));
            trace.Flush();
            events.Emit(new ClientEnded(2, IsIdle: true));
            trace.Flush();
            Assert.False(events.IsEnabled);
        }

        Assert.Contains("No space left", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_is_said_once_in_one_sentence()
    {
        List<string> said = [];
        var account = new RunAccount(said.Add);
        var refusal = new Refusal
        {
            Operation = "VFIO_SET_IOMMU",
            Subject = "group 1",
            Errno = Errno.EPERM,
            Rule = "V3",
            Reason = "its MSI controller v2m checks nobody.",
            Remedy = "Use --allow-unsafe-interrupts.",
        };

        account.Take(refusal);
        account.Take(refusal);
        account.Take(refusal with { Subject = "group 2" });
        account.Take(refusal with { Subject = "group 3", Severity = TroubleSeverity.Note });

        Assert.Equal(2, said.Count);
        Assert.Equal(
            "VFIO_SET_IOMMU of group 1 refused with EPERM: its MSI controller v2m checks nobody; use --allow-unsafe-interrupts (V3)", said[0]);

        account.TellCounts();
        Assert.Equal("2 times in all: VFIO_SET_IOMMU of group 1 (EPERM)", Assert.Single(said.Skip(2)));
    }

    [Fact]
    public void Listening_to_trouble_leaves_data_paths_as_they_are_with_nobody_listening()
    {
        var events = new EventStream();
        int heard = 0;
        events.SubscribeToTrouble(_ => heard++);
        Assert.False(events.IsEnabled);
        Assert.True(events.IsTroubleHeard);

        events.Emit(new Refusal { Operation = "o", Subject = "s", Errno = Errno.EINVAL, Reason = "r" });
        events.Emit(new ClientEnded(0, IsIdle: true));

        Assert.Equal(1, heard);
    }
}
