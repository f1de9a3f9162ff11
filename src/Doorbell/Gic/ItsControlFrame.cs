namespace Doorbell.Gic;

/// <summary>The control frame of an ITS as software sees it: its registers and its command queue (IHI 0069, 5.2 and 12.19).</summary>
/// <remarks>
/// Commands are executed, in order, within the register write that makes them known, so the queue is empty or stalled when
/// that returns. CONSTRAINED UNPREDICTABLE and IMPLEMENTATION DEFINED, chosen: a command with an error stalls the queue
/// (GITS_CREADR.Stalled) and has no effect; GITS_CBASER, GITS_BASERn and the fields of what the ITS is keep their value when
/// they are written while it is enabled; GITS_CWRITER beyond the queue stops execution until it is in the queue again.
/// </remarks>
public sealed class ItsControlFrame
{
    private const uint ArmIidr = 0x43b;
    private const uint GicV3Pidr2 = 3 << 4;

    private readonly GicV3Its _its;
    private readonly ItsBaser[] _basers;
    private readonly bool _twoLevel;
    private readonly int _hardwareCollections;
    private bool _enabled;
    private ulong _cbaser;
    private ulong _writer;
    private ulong _reader;
    private bool _stalled;

    internal ItsControlFrame(GicV3Its its, bool twoLevel, int hardwareCollections)
    {
        _its = its;
        _twoLevel = twoLevel;
        _hardwareCollections = hardwareCollections;
        _basers = new ItsBaser[ItsRegister.Basers];
        _basers[0] = ItsBaser.Empty(ItsBaser.Devices);
        _basers[1] = ItsBaser.Empty(ItsBaser.Collections);
    }

    /// <summary>GITS_CTLR.Enabled.</summary>
    public bool IsEnabled => Volatile.Read(ref _enabled);

    /// <summary>GITS_CREADR.Stalled: the command at GITS_CREADR has an error.</summary>
    public bool IsStalled => _stalled;

    /// <summary>Why the queue has stalled; None while it has not.</summary>
    public ItsCommandError StallReason { get; private set; }

    /// <summary>ICIDs that fit the collection table and those the ITS keeps itself.</summary>
    internal int CollectionLimit => (int)Math.Min(1 << 16, (ulong)_hardwareCollections + _basers[1].Capacity);

    private ulong QueueSize => ((_cbaser & ItsRegister.CbaserSizeMask) + 1) << 12;

    private ulong TyperValue =>
        1 | ((ItsBaser.EntrySize - 1UL) << ItsRegister.TyperIttEntrySizeShift)
        | ((ulong)(_its.EventIdBits - 1) << ItsRegister.TyperIdBitsShift)
        | ((ulong)(_its.DeviceIdBits - 1) << ItsRegister.TyperDevbitsShift)
        | ((ulong)_hardwareCollections << ItsRegister.TyperHccShift)
        | (15UL << ItsRegister.TyperCidBitsShift) | (1UL << 36);

    /// <summary>Reads a register. Reserved space reads as zero.</summary>
    /// <param name="offset">From the frame's base; 64-bit registers have upper halves at + 4 for 32-bit accesses.</param>
    /// <param name="size">4 or 8 bytes.</param>
    public ulong Read(ulong offset, int size = 8)
    {
        using EngineLock.Scope held = _its.Gic.Lock.Enter();
        ulong aligned = offset & ~7UL;
        ulong value = aligned switch
        {
            ItsRegister.Ctlr => (_enabled ? ItsRegister.CtlrEnabled : 0) | ItsRegister.CtlrQuiescent | ((ulong)ArmIidr << 32),
            ItsRegister.Typer => TyperValue,
            ItsRegister.Cbaser => _cbaser,
            ItsRegister.Cwriter => _writer,
            ItsRegister.Creadr => _reader | (_stalled ? ItsRegister.CreadrStalled : 0),
            ItsRegister.Pidr2 => GicV3Pidr2,
            _ => IsBaser(aligned, out int index) ? _basers[index].Value : 0,
        };
        return size == 8 ? value : (uint)(value >> ((int)(offset & 4) * 8));
    }

    /// <summary>Writes a 64-bit register, or GITS_CTLR. Writes to others have no effect.</summary>
    public void Write(ulong offset, ulong value)
    {
        using EngineLock.Scope held = _its.Gic.Lock.Enter();
        switch (offset)
        {
            case ItsRegister.Ctlr:
                Volatile.Write(ref _enabled, (value & ItsRegister.CtlrEnabled) != 0);
                _its.OnEnabled(_enabled);
                break;
            case ItsRegister.Cbaser when !_enabled:
                // 12.19.2: a write sets GITS_CREADR to zero.
                _cbaser = value & (ItsRegister.Valid | ItsRegister.CbaserAddressMask | ItsRegister.CbaserSizeMask);
                _reader = 0;
                _stalled = false;
                StallReason = ItsCommandError.None;
                break;
            case ItsRegister.Cwriter:
                _writer = value & ItsRegister.QueueOffsetMask;
                if (_stalled && (value & ItsRegister.CwriterRetry) != 0)
                {
                    _stalled = false;
                    StallReason = ItsCommandError.None;
                }

                break;
            default:
                if (!_enabled && IsBaser(offset, out int index) && _basers[index].Type != 0)
                {
                    ulong writable = ItsBaser.Writable | (_twoLevel && _basers[index].Type == ItsBaser.Devices ? ItsBaser.IndirectBit : 0);
                    _basers[index] = new ItsBaser((_basers[index].Value & ~writable) | (value & writable));
                }

                return;
        }

        Execute();
    }

    /// <summary>True where the device table has a place for the DeviceID: within its size and, in two levels, on a page software has provided.</summary>
    internal bool HasDevice(DeviceId device)
    {
        ItsBaser table = _basers[0];
        if (device.Value >= table.Capacity)
        {
            return false;
        }

        return !table.IsIndirect
            || (_its.Gic.Memory.TryRead64(table.FirstLevelEntryOf(device), out ulong page) && (page & ItsRegister.Valid) != 0);
    }

    private static bool IsBaser(ulong offset, out int index)
    {
        index = (int)((offset - ItsRegister.Baser) / 8);
        return offset - ItsRegister.Baser < ItsRegister.Basers * 8 && (offset & 7) == 0;
    }

    private void Execute()
    {
        Span<byte> entry = stackalloc byte[ItsCommandEncoding.Size];
        while (_enabled && !_stalled && (_cbaser & ItsRegister.Valid) != 0 && _reader != _writer && _writer < QueueSize)
        {
            PhysicalAddress at = new((_cbaser & ItsRegister.CbaserAddressMask) + _reader);
            ItsCommandError error = Execute(at, entry);
            if (error != ItsCommandError.None)
            {
                _stalled = true;
                StallReason = error;
                return;
            }

            _reader = (_reader + ItsCommandEncoding.Size) % QueueSize;
        }
    }

    private ItsCommandError Execute(PhysicalAddress at, Span<byte> entry)
    {
        ItsCommandError error = ItsCommandError.QueueUnreadable;
        if (_its.Gic.Memory.TryRead(at.Value, entry))
        {
            if (ItsCommandEncoding.Read(entry) is { } command)
            {
                return _its.Submit(command);
            }

            error = ItsCommandError.UnknownCommand;
        }

        _its.Tell(default, error);
        return error;
    }
}
