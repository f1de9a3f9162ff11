namespace Doorbell.Devices;

/// <content>Admin commands (NVMe 1.4, 5).</content>
public sealed partial class NvmeDevice
{
    private const uint EntrySizes = (4u << 20) | (6u << 16);
    private const uint EntrySizesMask = 0x00ff_0000;
    private const uint AllNamespaces = 0xffff_ffff;

    private NvmeStatus ExecuteAdmin(NvmeCommand command, out uint result)
    {
        result = 0;
        return (NvmeAdminOpcode)command.Opcode switch
        {
            NvmeAdminOpcode.CreateCompletionQueue => CreateCompletionQueue(command),
            NvmeAdminOpcode.CreateSubmissionQueue => CreateSubmissionQueue(command),
            NvmeAdminOpcode.DeleteCompletionQueue => DeleteCompletionQueue(command.Cdw10 & 0xffff),
            NvmeAdminOpcode.DeleteSubmissionQueue => DeleteSubmissionQueue(command.Cdw10 & 0xffff),
            NvmeAdminOpcode.Identify => Identify(command),
            NvmeAdminOpcode.GetLogPage => GetLogPage(command),
            NvmeAdminOpcode.SetFeatures => _features.Set(command.Cdw10, command.Cdw11, HasIoQueues(), out result),
            NvmeAdminOpcode.GetFeatures => _features.Get(command.Cdw10, command.Cdw11, out result),
            NvmeAdminOpcode.AsyncEventRequest => _asyncEvents.Hold(command.CommandId) ? NvmeStatus.Held : NvmeStatus.AsyncEventLimitExceeded,
            NvmeAdminOpcode.Abort => Abort(command, out result),
            _ => NvmeStatus.InvalidOpcode,
        };
    }

    private bool HasIoQueues() => _completionQueues.AsSpan(1).ContainsAnyExcept((NvmeCompletionQueue?)null);

    private NvmeStatus CreateCompletionQueue(NvmeCommand command)
    {
        NvmeStatus status = CheckNewQueue(command, _completionQueues);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        int vector = (int)(command.Cdw11 >> 16);
        bool interrupts = (command.Cdw11 & 2) != 0;
        if (vector >= Math.Max(1, Function.EnabledVectors))
        {
            return NvmeStatus.InvalidInterruptVector;
        }

        uint id = command.Cdw10 & 0xffff;
        _completionQueues[id] = new NvmeCompletionQueue((int)id, new Iova(command.Prp1), (command.Cdw10 >> 16) + 1, vector, interrupts);
        return NvmeStatus.Success;
    }

    private NvmeStatus CreateSubmissionQueue(NvmeCommand command)
    {
        uint completions = command.Cdw11 >> 16;
        if (completions == 0 || completions > _queuePairs || _completionQueues[completions] is not { } completionQueue)
        {
            return NvmeStatus.CompletionQueueInvalid;
        }

        NvmeStatus status = CheckNewQueue(command, _submissionQueues);
        if (status == NvmeStatus.Success)
        {
            uint id = command.Cdw10 & 0xffff;
            _submissionQueues[id] = new NvmeSubmissionQueue((int)id, new Iova(command.Prp1), (command.Cdw10 >> 16) + 1, completionQueue);
            completionQueue.Users++;
        }

        return status;
    }

    /// <summary>What creating either kind of queue asks for: a free id, a size CAP.MQES allows, contiguous pages (CAP.CQR).</summary>
    private NvmeStatus CheckNewQueue<T>(NvmeCommand command, T?[] queues)
        where T : class
    {
        uint id = command.Cdw10 & 0xffff;
        uint size = command.Cdw10 >> 16;
        if (id == 0 || id > _queuePairs || queues[id] is not null)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        if (size == 0 || size >= MaxQueueEntries)
        {
            return NvmeStatus.InvalidQueueSize;
        }

        bool contiguous = (command.Cdw11 & 1) != 0;
        if (!contiguous || (_configuration & EntrySizesMask) != EntrySizes)
        {
            return NvmeStatus.InvalidField;
        }

        return (command.Prp1 & ((ulong)_pageSize - 1)) != 0 ? NvmeStatus.PrpOffsetInvalid : NvmeStatus.Success;
    }

    private NvmeStatus DeleteCompletionQueue(uint id)
    {
        if (id == 0 || id > _queuePairs || _completionQueues[id] is not { } queue)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        if (queue.Users > 0)
        {
            return NvmeStatus.InvalidQueueDeletion;
        }

        _completionQueues[id] = null;
        RefreshIntx();
        return NvmeStatus.Success;
    }

    private NvmeStatus DeleteSubmissionQueue(uint id)
    {
        if (id == 0 || id > _queuePairs || _submissionQueues[id] is not { } queue)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        queue.Completions.Users--;
        _submissionQueues[id] = null;
        return NvmeStatus.Success;
    }

    private NvmeStatus Identify(NvmeCommand command)
    {
        Span<byte> page = _data.AsSpan(0, NvmeIdentify.Size);
        uint id = command.NamespaceId;
        switch ((byte)command.Cdw10)
        {
            case 0x00 when id == NvmeIdentify.NamespaceId:
                NvmeIdentify.Namespace(page, _blocks, _blockSize);
                break;
            case 0x01:
                NvmeIdentify.Controller(page, Function.Address, Description, MaxTransferLog2);
                break;
            case 0x02 when id < 0xffff_fffe:
                NvmeIdentify.ActiveNamespaces(page, id);
                break;
            case 0x03 when id == NvmeIdentify.NamespaceId:
                NvmeIdentify.NamespaceDescriptors(page, Function.Address);
                break;
            case 0x00 or 0x02 or 0x03:
                return NvmeStatus.InvalidNamespace;
            default:
                return NvmeStatus.InvalidField;
        }

        return SendToHost(command, page);
    }

    private NvmeStatus GetLogPage(NvmeCommand command)
    {
        byte log = (byte)command.Cdw10;
        int size = log switch
        {
            0x01 => NvmeLogs.ErrorEntries * NvmeLogs.ErrorEntrySize,
            0x02 => NvmeLogs.SmartSize,
            0x03 => NvmeLogs.FirmwareSize,
            _ => 0,
        };
        if (size == 0)
        {
            return NvmeStatus.InvalidLogPage;
        }

        Span<byte> page = _data.AsSpan(0, size);
        switch (log)
        {
            case 0x01:
                _logs.WriteErrors(page);
                break;
            case 0x02:
                _logs.WriteSmart(page);
                break;
            default:
                NvmeLogs.WriteFirmware(page);
                break;
        }

        // CDW12 and CDW13 are the offset; dwords asked for count from zero. More than the page has is not sent.
        ulong offset = command.Cdw12 | ((ulong)command.Cdw13 << 32);
        ulong asked = (((command.Cdw10 >> 16) | ((ulong)(command.Cdw11 & 0xffff) << 16)) + 1) * 4;
        if (offset > (ulong)size || (offset & 3) != 0)
        {
            return NvmeStatus.InvalidField;
        }

        NvmeStatus status = SendToHost(command, page.Slice((int)offset, (int)Math.Min(asked, (ulong)size - offset)));
        bool retain = (command.Cdw10 & (1 << 15)) != 0;
        if (status == NvmeStatus.Success && log == 0x01 && !retain)
        {
            _asyncEvents.ErrorLogRead();
        }

        return status;
    }

    // Commands are done before anyone can abort them; only asynchronous event requests wait. Bit 0 of the result: not aborted (5.1).
    private NvmeStatus Abort(NvmeCommand command, out uint result)
    {
        uint queue = command.Cdw10 & 0xffff;
        ushort commandId = (ushort)(command.Cdw10 >> 16);
        result = 1;
        NvmeSubmissionQueue admin = _submissionQueues[0]!;

        // Both completions must fit; where they do not, the request stays, which the host must expect of an abort.
        if (queue == 0 && admin.Completions.FreeEntries >= 2 && _asyncEvents.Abort(commandId))
        {
            result = 0;
            Complete(admin, commandId, NvmeStatus.AbortRequested, 0);
        }

        return NvmeStatus.Success;
    }

    private NvmeStatus SendToHost(NvmeCommand command, ReadOnlySpan<byte> data)
    {
        NvmeStatus status = _pointer.Map(Function, command.Prp1, command.Prp2, data.Length, _pageSize);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        return _pointer.Write(Function, data) ? NvmeStatus.Success : NvmeStatus.DataTransferError;
    }
}
