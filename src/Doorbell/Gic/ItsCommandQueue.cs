namespace Doorbell.Gic;

/// <summary>The driver's side of the command queue: writes entries into memory, moves GITS_CWRITER, and looks at GITS_CREADR (IHI 0069, 5.2).</summary>
internal sealed class ItsCommandQueue
{
    // What Linux allocates (ITS_CMD_QUEUE_SZ).
    private const ulong Size = 0x1_0000;

    private readonly ItsControlFrame _frame;
    private readonly GicMemory _memory;
    private readonly PhysicalAddress _base;
    private ulong _next;

    public ItsCommandQueue(GicV3Its its)
    {
        _frame = its.ControlFrame;
        _memory = its.Gic.Memory;
        _base = _memory.Allocate(Size);
        _frame.Write(ItsRegister.Cbaser, ItsRegister.Valid | _base.Value | ((Size >> 12) - 1));
    }

    /// <summary>Executes commands together; the error of the first that has one: those after it are executed all the same.</summary>
    public ItsCommandError Submit(params ReadOnlySpan<ItsCommand> commands)
    {
        foreach (ref readonly ItsCommand command in commands)
        {
            Put(_next, command);
            _next = (_next + ItsCommandEncoding.Size) % Size;
        }

        ItsCommandError first = ItsCommandError.None;
        _frame.Write(ItsRegister.Cwriter, _next);
        while (_frame.IsStalled)
        {
            first = first == ItsCommandError.None ? _frame.StallReason : first;

            // The command that failed is overwritten by one that does nothing, and the queue goes on from there.
            Put(_frame.Read(ItsRegister.Creadr) & ItsRegister.QueueOffsetMask, ItsCommand.Sync(0));
            _frame.Write(ItsRegister.Cwriter, _next | ItsRegister.CwriterRetry);
        }

        return first;
    }

    private void Put(ulong offset, in ItsCommand command)
    {
        Span<byte> entry = stackalloc byte[ItsCommandEncoding.Size];
        ItsCommandEncoding.Write(command, entry);
        if (!_memory.TryWrite(_base.Value + offset, entry))
        {
            throw new InvalidOperationException($"the command queue at {_base} has lost its memory");
        }
    }
}
