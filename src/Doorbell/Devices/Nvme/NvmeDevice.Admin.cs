namespace Doorbell.Devices;

/// <content>Admin commands (NVMe 1.4, 5).</content>
public sealed partial class NvmeDevice
{
    private const uint EntrySizes = (4u << 20) | (6u << 16);
    private const uint EntrySizesMask = 0x00ff_0000;
    private const uint AllNamespaces = NvmeFeatures.AllNamespaces;

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
            NvmeAdminOpcode.SetFeatures => SetFeatures(command, out result),
            NvmeAdminOpcode.GetFeatures => _features.Get(command, out result),
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
        SetDoorbell((2 * (int)id) + 1, 0);
        _completionQueues[id] = new NvmeCompletionQueue((int)id, new Iova(command.Prp1), (command.Cdw10 >> 16) + 1, vector, interrupts);
        return NvmeStatus.Success;
    }

    private NvmeStatus CreateSubmissionQueue(NvmeCommand command)
    {
        uint completions = command.Cdw11 >> 16;
        if (completions == 0 || completions > _queuePairs)
        {
            return NvmeStatus.InvalidQueueIdentifier;
        }

        if (_completionQueues[completions] is not { } completionQueue)
        {
            return NvmeStatus.CompletionQueueInvalid;
        }

        NvmeStatus status = CheckNewQueue(command, _submissionQueues);
        if (status == NvmeStatus.Success)
        {
            uint id = command.Cdw10 & 0xffff;
            SetDoorbell(2 * (int)id, 0);
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

    // NSID counts where the structure is a namespace's; elsewhere it is ignored, as 1.4 lets us.
    private NvmeStatus Identify(NvmeCommand command)
    {
        Span<byte> page = _data.AsSpan(0, NvmeIdentify.Size);
        page.Clear();
        uint id = command.NamespaceId;
        NvmeNamespace? volume = FindNamespace(id);
        switch ((byte)command.Cdw10)
        {
            case 0x00 or 0x11 when volume is not null:
                NvmeIdentify.Namespace(page, volume, Function.Address);
                break;
            case 0x01:
                NvmeIdentify.Controller(page, Function.Address, Description, MaxTransferLog2, _namespaces.Length);
                break;
            case 0x02 or 0x10 when id < 0xffff_fffe:
                NvmeIdentify.Namespaces(page, id, _namespaces.Length);
                break;
            case 0x03 when volume is not null:
                NvmeIdentify.NamespaceDescriptors(page, Function.Address, id);
                break;
            case 0x12 when volume is not null:
            case 0x13:
                NvmeIdentify.Controllers(page, command.Cdw10 >> 16);
                break;
            case 0x00 or 0x02 or 0x03 or 0x10 or 0x11 or 0x12:
                return NvmeStatus.InvalidNamespace;
            default:
                return NvmeStatus.InvalidField;
        }

        return SendToHost(command, page);
    }

    private NvmeNamespace? FindNamespace(uint id) => id - 1 < (uint)_namespaces.Length ? _namespaces[id - 1] : null;

    private NvmeStatus SetFeatures(NvmeCommand command, out uint result)
    {
        NvmeStatus status = _features.Set(command, HasIoQueues(), out result);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        switch ((NvmeFeatures.Feature)(byte)command.Cdw10)
        {
            case NvmeFeatures.Feature.VolatileWriteCache when !_features.WriteCacheEnabled:
                return FlushAll(); // what was written before is to be as safe as what comes (5.21.1.6)
            case NvmeFeatures.Feature.TemperatureThreshold or NvmeFeatures.Feature.AsyncEventConfiguration
                when _features.ReportsTemperature && _features.IsBeyondThreshold(NvmeLogs.CompositeTemperature):
                _asyncEvents.ReportTemperature();
                break;
        }

        return NvmeStatus.Success;
    }

    private NvmeStatus GetLogPage(NvmeCommand command)
    {
        byte log = (byte)command.Cdw10;
        int size = log switch
        {
            0x01 => NvmeLogs.ErrorEntries * NvmeLogs.ErrorEntrySize,
            0x02 => NvmeLogs.SmartSize,
            0x03 => NvmeLogs.FirmwareSize,
            0x04 => NvmeLogs.NamespaceListSize,
            0x05 => NvmeLogs.EffectsSize,
            _ => 0,
        };
        if (size == 0)
        {
            return NvmeStatus.InvalidLogPage;
        }

        // CDW12 and CDW13 are the offset; dwords asked for count from zero. More than the page has is not sent. No log is a namespace's own.
        ulong offset = command.Cdw12 | ((ulong)command.Cdw13 << 32);
        ulong asked = (((command.Cdw10 >> 16) | ((ulong)(command.Cdw11 & 0xffff) << 16)) + 1) * 4;
        if (offset > (ulong)size || (offset & 3) != 0 || asked > MaxTransfer || command.NamespaceId is not (0 or AllNamespaces))
        {
            return NvmeStatus.InvalidField;
        }

        Span<byte> page = _data.AsSpan(0, size);
        page.Clear();
        switch (log)
        {
            case 0x01:
                _logs.WriteErrors(page);
                break;
            case 0x02:
                _logs.WriteSmart(page, _features.IsBeyondThreshold(NvmeLogs.CompositeTemperature));
                break;
            case 0x03:
                NvmeLogs.WriteFirmware(page);
                break;
            case 0x04:
                break; // namespaces stay as they are while the controller lives: the list of changes is empty
            case 0x05:
                NvmeLogs.WriteEffects(page);
                break;
        }

        NvmeStatus status = SendToHost(command, page.Slice((int)offset, (int)Math.Min(asked, (ulong)size - offset)));
        bool retain = (command.Cdw10 & (1 << 15)) != 0;
        if (status == NvmeStatus.Success && !retain)
        {
            _asyncEvents.LogRead(log);
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
