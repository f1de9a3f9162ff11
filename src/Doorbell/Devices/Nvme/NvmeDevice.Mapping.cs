using System.Runtime.InteropServices;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <content>
/// Doorbells that a client has mapped, and registers where it insists. Both are looked at by polling; a doorbell rings when its value has
/// changed, and a new queue's doorbells begin at zero as its head and tail do.
/// </content>
/// <remarks>
/// What polling cannot tell: two stores of the same value, and what was stored before the last look. INTMS and INTMC read as the mask, so a store of the mask
/// itself into a mapped one is not seen; drivers that map the registers use MSI-X or poll. Of registers stored between two looks CC comes last, so
/// that a controller is enabled with the queues written before it.
/// </remarks>
public sealed partial class NvmeDevice
{
    private const int Page = 0x1000;
    private const int DoorbellSize = 4;

    // Up to CMBSZ (3.1): what a driver reads or writes before there are queues.
    private const int ShownRegisters = 16;
    private const int ConfigurationIndex = (int)NvmeRegisters.Configuration / 4;

    private static readonly PciMappableRange _doorbellPage = new(RegisterBar, NvmeRegisters.Doorbells, Page);
    private static readonly PciMappableRange _registerPage = new(RegisterBar, 0, Page, IsOffered: false);
    private static readonly PciMappableRange _emptyPages = new(RegisterBar, NvmeRegisters.Doorbells + Page, RegisterBarSize - NvmeRegisters.Doorbells - Page, IsOffered: false);

    private readonly uint[] _doorbells;
    private readonly uint[] _doorbellsFound;
    private readonly uint[] _registers = new uint[ShownRegisters];
    private readonly uint[] _registersFound = new uint[ShownRegisters];
    private IPciSharedMemory? _mappedDoorbells;
    private IPciSharedMemory? _mappedRegisters;

    /// <inheritdoc/>
    /// <remarks>The doorbells. Drivers in user space map the registers before them as well, and many the whole BAR, and are let.</remarks>
    public override IReadOnlyList<PciMappableRange> MappableRanges { get; } = [_doorbellPage, _registerPage, _emptyPages];

    /// <inheritdoc/>
    protected internal override void OnMapped(PciMappableRange range, IPciSharedMemory memory)
    {
        if (range == _doorbellPage)
        {
            _mappedDoorbells = memory;
            for (int id = 0; id <= _queuePairs; id++)
            {
                _doorbells[2 * id] = _submissionQueues[id]?.Tail ?? 0;
                _doorbells[(2 * id) + 1] = _completionQueues[id]?.Head ?? 0;
            }

            memory.Write(RegisterBar, NvmeRegisters.Doorbells, MemoryMarshal.AsBytes(_doorbells.AsSpan()));
        }
        else if (range == _registerPage)
        {
            _mappedRegisters = memory;
            for (int i = 0; i < ShownRegisters; i++)
            {
                _registers[i] = ReadRegister(RegisterBar, (ulong)i * 4);
            }

            memory.Write(RegisterBar, 0, MemoryMarshal.AsBytes(_registers.AsSpan()));
        }
    }

    /// <inheritdoc/>
    protected internal override void OnUnmapped()
    {
        _mappedDoorbells = null;
        _mappedRegisters = null;
    }

    /// <inheritdoc/>
    protected internal override bool Poll()
    {
        bool rang = _mappedDoorbells is { } doorbells && PollDoorbells(doorbells);
        bool wrote = _mappedRegisters is { } registers && PollRegisters(registers);
        return rang || wrote;
    }

    private bool PollDoorbells(IPciSharedMemory memory)
    {
        memory.Read(RegisterBar, NvmeRegisters.Doorbells, MemoryMarshal.AsBytes(_doorbellsFound.AsSpan()));
        if (_doorbellsFound.AsSpan().SequenceEqual(_doorbells))
        {
            return false;
        }

        // A command that a doorbell announces was stored before it.
        Interlocked.MemoryBarrier();
        for (int i = 0; i < _doorbellsFound.Length; i++)
        {
            uint value = _doorbellsFound[i];
            if (value != _doorbells[i])
            {
                _doorbells[i] = value;
                RingDoorbell((ulong)i, value);
            }
        }

        return true;
    }

    private bool PollRegisters(IPciSharedMemory memory)
    {
        memory.Read(RegisterBar, 0, MemoryMarshal.AsBytes(_registersFound.AsSpan()));
        bool wrote = !_registersFound.AsSpan().SequenceEqual(_registers);
        for (int i = 0; wrote && i < ShownRegisters; i++)
        {
            if (i != ConfigurationIndex)
            {
                TakeRegister(i);
            }
        }

        TakeRegister(ConfigurationIndex);
        for (int i = 0; i < ShownRegisters; i++)
        {
            ShowRegister(memory, i);
        }

        return wrote;
    }

    private void TakeRegister(int index)
    {
        uint found = _registersFound[index];
        if (found != _registers[index])
        {
            _registers[index] = found;
            WriteRegister(RegisterBar, (ulong)index * 4, found, uint.MaxValue);
        }
    }

    // Word by word: the client may be storing into the neighbour.
    private void ShowRegister(IPciSharedMemory memory, int index)
    {
        uint value = ReadRegister(RegisterBar, (ulong)index * 4);
        if (value != _registers[index])
        {
            _registers[index] = value;
            memory.Write(RegisterBar, (ulong)index * 4, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));
        }
    }

    /// <summary>A doorbell has this value now, without having rung: its queue is new or gone, or a trapped write rang it.</summary>
    private void SetDoorbell(int index, uint value)
    {
        if (_mappedDoorbells is { } memory && _doorbells[index] != value)
        {
            _doorbells[index] = value;
            _doorbellsFound[index] = value; // a look that is under way must not find the old one
            memory.Write(RegisterBar, NvmeRegisters.Doorbells + ((ulong)index * DoorbellSize), MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));
        }
    }
}
