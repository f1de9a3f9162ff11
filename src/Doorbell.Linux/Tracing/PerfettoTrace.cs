using System.Diagnostics;
using Doorbell.Events;
using Doorbell.Iommu.Events;
using Doorbell.Linux.Reporting;

namespace Doorbell.Linux.Tracing;

/// <summary>
/// The event stream as a trace that Perfetto opens: TracePackets of track events (docs/report.md has what is on which track). Packets are
/// whole in the file at every flush, so that what a killed run leaves opens too.
/// </summary>
internal sealed class PerfettoTrace : IEventFields, ITrace
{
    private readonly TraceOutput _output;
    private readonly Func<MachineNames> _names;
    private readonly PerfettoTracks _tracks;
    private readonly ProtoWriter _event = new();
    private readonly ProtoWriter _annotation = new();
    private readonly ProtoWriter _annotations = new();
    private readonly Dictionary<ulong, Stack<string>> _open = [];
    private readonly Dictionary<ulong, long> _mapped = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private string? _device;
    private string? _iommu;
    private long? _vector;
    private long? _domain;

    /// <param name="stream">Where the packets go; the trace owns it.</param>
    /// <param name="events">Whose events.</param>
    /// <param name="names">The machine's devices, once there is a machine.</param>
    /// <param name="say">Told, once, when the packets cannot be written.</param>
    internal PerfettoTrace(Stream stream, EventStream events, Func<MachineNames> names, Action<string> say)
    {
        _output = new TraceOutput(stream, say);
        _names = names;
        _tracks = new PerfettoTracks(_output.Gathered);
        _output.Begin(events, Write);
    }

    public void Flush() => _output.Flush();

    public void Dispose() => _output.End(EndAll);

    void IEventFields.Text(string name, string value)
    {
        Annotate(name, Perfetto.AnnotationString, value);
        _ = name switch
        {
            "device" or "function" => _device = value,
            "iommu" => _iommu = value,
            _ => null,
        };
    }

    void IEventFields.Hex(string name, ulong value) => Annotate(name, annotation => annotation.Number(Perfetto.AnnotationPointer, value));

    void IEventFields.Number(string name, long value)
    {
        Annotate(name, annotation => annotation.Number(Perfetto.AnnotationInt, (ulong)value));
        _vector = name == "vector" ? value : _vector;
        _domain = name == "domain" ? value : _domain;
    }

    private ulong Now => NanosecondsOf(Stopwatch.GetTimestamp());

    private ulong NanosecondsOf(long timestamp) => (ulong)Math.Max(0, Stopwatch.GetElapsedTime(_start, timestamp).Ticks * 100);

    private void Write(MachineEvent machineEvent)
    {
        (_device, _iommu, _vector, _domain) = (null, null, null, null);
        _annotations.Clear();
        machineEvent.Describe(this);
        Place(machineEvent, Now);
    }

    private void EndAll()
    {
        foreach ((ulong track, Stack<string> slices) in _open)
        {
            End(track, slices.Count, Now);
        }
    }

    private void Place(MachineEvent machineEvent, ulong time)
    {
        switch (machineEvent)
        {
            case ClientIoctl call:
                // The call is over; a reader sorts by time.
                ulong thread = _tracks.Thread(call.Thread);
                Emit(Perfetto.SliceBegin, thread, call.Began == 0 ? time : NanosecondsOf(call.Began), call.Name);
                EmitEnd(thread, time);
                return;
            case ClientOpened opened:
                Emit(Perfetto.Instant, _tracks.Thread(opened.Thread), time, $"open {opened.Path}");
                return;
            case IommuFaultEvent fault when _names().Of(fault.Iommu, fault.Stream) is { } device:
                Emit(Perfetto.Instant, _tracks.Device(device), time, $"{fault.Kind} {fault.ReasonName}");
                return;
            case IommuMapEvent map:
                EmitMapped(map.Iommu, map.Domain, (long)map.Size, time);
                break;
            case IommuUnmapEvent unmap:
                EmitMapped(unmap.Iommu, unmap.Domain, -(long)unmap.Unmapped, time);
                break;
        }

        ulong track = _device is not null && _vector is { } vector ? _tracks.Vector(_device, vector)
            : _device is not null ? _tracks.Device(_device)
            : _iommu is not null && _domain is { } domain ? _tracks.Domain(_iommu, domain)
            : _tracks.Machine;
        switch (machineEvent.Kind)
        {
            case "msi.alloc":
                Begin(track, "allocated", time);
                break;
            case "msi.arm":
                Begin(track, "armed", time);
                break;
            case "msi.disarm" when _open.GetValueOrDefault(track) is { Count: > 0 } slices && slices.Peek() == "armed":
                End(track, 1, time);
                break;
            case "msi.free" when _open.GetValueOrDefault(track) is { } slices:
                End(track, slices.Count, time);
                break;
            default:
                Emit(Perfetto.Instant, track, time, machineEvent.Kind);
                break;
        }
    }

    private void Begin(ulong track, string name, ulong time)
    {
        if (!_open.TryGetValue(track, out Stack<string>? slices))
        {
            _open.Add(track, slices = []);
        }

        slices.Push(name);
        Emit(Perfetto.SliceBegin, track, time, name);
    }

    private void End(ulong track, int count, ulong time)
    {
        for (; count > 0; count--)
        {
            _open[track].Pop();
            EmitEnd(track, time);
        }
    }

    private void EmitMapped(string iommu, int domain, long change, ulong time)
    {
        ulong counter = _tracks.MappedBytes(iommu, domain);
        long mapped = _mapped.GetValueOrDefault(counter) + change;
        _mapped[counter] = mapped;
        _event.Clear();
        _event.Number(Perfetto.EventType, Perfetto.Counter).Number(Perfetto.EventTrack, counter).Number(Perfetto.EventCounterValue, (ulong)mapped);
        _tracks.Packet(Perfetto.PacketTrackEvent, _event, time);
    }

    private void Emit(ulong type, ulong track, ulong time, string name)
    {
        _event.Clear();
        _event.Number(Perfetto.EventType, type).Number(Perfetto.EventTrack, track).Text(Perfetto.EventName, name).Append(_annotations);
        _tracks.Packet(Perfetto.PacketTrackEvent, _event, time);
    }

    private void EmitEnd(ulong track, ulong time)
    {
        _event.Clear();
        _event.Number(Perfetto.EventType, Perfetto.SliceEnd).Number(Perfetto.EventTrack, track);
        _tracks.Packet(Perfetto.PacketTrackEvent, _event, time);
    }

    private void Annotate(string name, int field, string value) => Annotate(name, annotation => annotation.Text(field, value));

    private void Annotate(string name, Action<ProtoWriter> value)
    {
        _annotation.Clear();
        _annotation.Text(Perfetto.AnnotationName, name);
        value(_annotation);
        _annotations.Message(Perfetto.EventAnnotations, _annotation);
    }
}
