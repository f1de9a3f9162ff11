namespace Doorbell.Linux.Tracing;

/// <summary>Field numbers and values of Perfetto's trace format (protos/perfetto/trace/trace_packet.proto, track_event/*.proto): those that are used here.</summary>
internal static class Perfetto
{
    /// <summary>Trace.packet.</summary>
    internal const int TracePacket = 1;

    // TracePacket
    internal const int PacketTimestamp = 8;
    internal const int PacketSequence = 10;
    internal const int PacketTrackEvent = 11;
    internal const int PacketSequenceFlags = 13;
    internal const int PacketTrackDescriptor = 60;

    /// <summary>TracePacket.SequenceFlags.SEQ_INCREMENTAL_STATE_CLEARED.</summary>
    internal const ulong StateCleared = 1;

    // TrackDescriptor
    internal const int TrackUuid = 1;
    internal const int TrackName = 2;
    internal const int TrackProcess = 3;
    internal const int TrackThread = 4;
    internal const int TrackParent = 5;
    internal const int TrackCounter = 8;

    // ProcessDescriptor
    internal const int ProcessPid = 1;
    internal const int ProcessName = 6;

    // ThreadDescriptor
    internal const int ThreadPid = 1;
    internal const int ThreadTid = 2;
    internal const int ThreadName = 5;

    /// <summary>CounterDescriptor.unit.</summary>
    internal const int CounterUnit = 3;

    /// <summary>CounterDescriptor.Unit.UNIT_SIZE_BYTES.</summary>
    internal const ulong UnitBytes = 3;

    // TrackEvent
    internal const int EventAnnotations = 4;
    internal const int EventType = 9;
    internal const int EventTrack = 11;
    internal const int EventName = 23;
    internal const int EventCounterValue = 30;

    // TrackEvent.Type
    internal const ulong SliceBegin = 1;
    internal const ulong SliceEnd = 2;
    internal const ulong Instant = 3;
    internal const ulong Counter = 4;

    // DebugAnnotation
    internal const int AnnotationInt = 4;
    internal const int AnnotationString = 6;
    internal const int AnnotationPointer = 7;
    internal const int AnnotationName = 10;
}
