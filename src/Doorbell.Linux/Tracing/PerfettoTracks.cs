using System.Buffers;
using System.Globalization;
using Doorbell.Linux.Reporting;

namespace Doorbell.Linux.Tracing;

/// <summary>The tracks of a Perfetto trace: each is described in the trace before its first event.</summary>
internal sealed class PerfettoTracks(IBufferWriter<byte> output)
{
    private const ulong Sequence = 1;

    private readonly Dictionary<string, ulong> _tracks = new(StringComparer.Ordinal);
    private readonly Dictionary<int, ulong> _threads = [];
    private readonly ProtoWriter _descriptor = new();
    private readonly ProtoWriter _inner = new();
    private readonly ProtoWriter _packet = new();
    private readonly ProtoWriter _framed = new();
    private bool _hasBegun;

    /// <summary>What belongs to no device and no domain.</summary>
    internal ulong Machine => Track("machine", 0, "machine");

    /// <summary>A device.</summary>
    internal ulong Device(string name) => Track($"device {name}", 0, name);

    /// <summary>A vector, below its device.</summary>
    internal ulong Vector(string device, long vector) =>
        Track(string.Create(CultureInfo.InvariantCulture, $"vector {device} {vector}"), Device(device), string.Create(CultureInfo.InvariantCulture, $"vector {vector}"));

    /// <summary>A domain of an IOMMU.</summary>
    internal ulong Domain(string iommu, long domain) =>
        Track(string.Create(CultureInfo.InvariantCulture, $"domain {iommu} {domain}"), 0, string.Create(CultureInfo.InvariantCulture, $"{iommu} domain {domain}"));

    /// <summary>How much is mapped in a domain, below it.</summary>
    internal ulong MappedBytes(string iommu, long domain)
    {
        ulong parent = Domain(iommu, domain);
        return Track(string.Create(CultureInfo.InvariantCulture, $"mapped {iommu} {domain}"), parent, "mapped", isCounter: true);
    }

    /// <summary>A thread of the client's, below its process.</summary>
    internal ulong Thread(int tid)
    {
        if (_threads.TryGetValue(tid, out ulong track))
        {
            return track;
        }

        Asker asker = Asker.Of(tid);
        string process = string.Create(CultureInfo.InvariantCulture, $"process {asker.Pid}");
        if (!_tracks.TryGetValue(process, out ulong parent))
        {
            parent = NewTrack(process);
            _inner.Clear();
            _inner.Number(Perfetto.ProcessPid, (ulong)asker.Pid).Text(Perfetto.ProcessName, asker.Program);
            _descriptor.Clear();
            _descriptor.Number(Perfetto.TrackUuid, parent).Message(Perfetto.TrackProcess, _inner);
            Packet(Perfetto.PacketTrackDescriptor, _descriptor, null);
        }

        track = NewTrack(string.Create(CultureInfo.InvariantCulture, $"thread {tid}"));
        _threads.Add(tid, track);
        _inner.Clear();
        _inner.Number(Perfetto.ThreadPid, (ulong)asker.Pid).Number(Perfetto.ThreadTid, (ulong)tid).Text(Perfetto.ThreadName, asker.Thread ?? asker.Program);
        _descriptor.Clear();
        _descriptor.Number(Perfetto.TrackUuid, track).Number(Perfetto.TrackParent, parent).Message(Perfetto.TrackThread, _inner);
        Packet(Perfetto.PacketTrackDescriptor, _descriptor, null);
        return track;
    }

    /// <summary>Writes a packet.</summary>
    /// <param name="field">Of TracePacket.</param>
    /// <param name="message">What is in it.</param>
    /// <param name="time">Nanoseconds; null for what has no time.</param>
    internal void Packet(int field, ProtoWriter message, ulong? time)
    {
        _packet.Clear();
        if (time is { } nanoseconds)
        {
            _packet.Number(Perfetto.PacketTimestamp, nanoseconds);
        }

        _packet.Number(Perfetto.PacketSequence, Sequence);
        if (!_hasBegun)
        {
            _hasBegun = true;
            _packet.Number(Perfetto.PacketSequenceFlags, Perfetto.StateCleared);
        }

        _packet.Message(field, message);
        _framed.Clear();
        _framed.Message(Perfetto.TracePacket, _packet);
        output.Write(_framed.Written);
    }

    private ulong Track(string key, ulong parent, string name, bool isCounter = false)
    {
        if (_tracks.TryGetValue(key, out ulong track))
        {
            return track;
        }

        track = NewTrack(key);
        _descriptor.Clear();
        _descriptor.Number(Perfetto.TrackUuid, track).Text(Perfetto.TrackName, name);
        if (parent != 0)
        {
            _descriptor.Number(Perfetto.TrackParent, parent);
        }

        if (isCounter)
        {
            _inner.Clear();
            _inner.Number(Perfetto.CounterUnit, Perfetto.UnitBytes);
            _descriptor.Message(Perfetto.TrackCounter, _inner);
        }

        Packet(Perfetto.PacketTrackDescriptor, _descriptor, null);
        return track;
    }

    // Any number but 0, which is the trace's own track.
    private ulong NewTrack(string key)
    {
        ulong track = (ulong)_tracks.Count + 1;
        _tracks.Add(key, track);
        return track;
    }
}
