using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>
/// A completion queue: filled here, consumed by the host. Entries gather in a buffer and are written in one piece with one interrupt
/// when the commands at hand are done.
/// </summary>
internal sealed class NvmeCompletionQueue(int id, Iova address, uint entries, int vector, bool interrupts)
{
    /// <summary>Bytes of an entry; CC.IOCQES is its log2 (NVMe 1.4, 4.6).</summary>
    public const int Size = 16;

    private const int MaxGathered = 64;

    private readonly byte[] _gathered = new byte[MaxGathered * Size];
    private uint _tail;
    private uint _firstGathered;
    private int _count;

    // The phase tag of the entries of this round through the queue: 1 in the first (4.6).
    private bool _phase = true;

    public int Id => id;

    public uint Entries => entries;

    public int Vector => vector;

    /// <summary>Completions interrupt.</summary>
    public bool Interrupts => interrupts;

    /// <summary>Submission queues that complete here.</summary>
    public int Users { get; set; }

    /// <summary>How far the host has consumed.</summary>
    public uint Head { get; set; }

    /// <summary>No room: one more would make it look empty.</summary>
    public bool IsFull => Next(_tail) == Head;

    /// <summary>Completions that still fit.</summary>
    public uint FreeEntries => entries - 1 - Distance(Head, _tail);

    /// <summary>Entries the host has not consumed.</summary>
    public bool HasUnconsumed => _tail != Head;

    /// <summary>True where <paramref name="head"/> is a place the host can have consumed to.</summary>
    public bool CanConsumeTo(uint head) => head < entries && Distance(Head, head) <= Distance(Head, _tail);

    /// <summary>Adds a completion. The queue must not be full.</summary>
    /// <returns>False where gathered entries could not be written: the controller cannot go on.</returns>
    public bool Post(PciFunction function, uint result, ushort submissionHead, int submissionId, ushort commandId, NvmeStatus status)
    {
        if (_count == 0)
        {
            _firstGathered = _tail;
        }

        Span<byte> entry = _gathered.AsSpan(_count * Size, Size);
        BinaryPrimitives.WriteUInt32LittleEndian(entry, result);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], 0);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], submissionHead);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], (ushort)submissionId);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], commandId);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], (ushort)(((uint)status << 1) | (_phase ? 1u : 0)));

        _count++;
        _tail = Next(_tail);
        bool wrapped = _tail == 0;
        _phase ^= wrapped;
        return (!wrapped && _count < MaxGathered) || Write(function);
    }

    /// <summary>Writes what has gathered. The host's memory then holds every completion posted.</summary>
    /// <returns>False where it could not be written.</returns>
    public bool Write(PciFunction function)
    {
        if (_count == 0)
        {
            return true;
        }

        int bytes = _count * Size;
        _count = 0;
        return function.WriteMemory(address + ((ulong)_firstGathered * Size), _gathered.AsSpan(0, bytes));
    }

    private uint Next(uint index) => index + 1 == entries ? 0 : index + 1;

    private uint Distance(uint from, uint to) => to >= from ? to - from : to + entries - from;
}
