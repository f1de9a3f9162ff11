namespace Doorbell.Devices;

/// <content>Doorbells, queues and interrupts (NVMe 1.4, 4.1, 7.2, 7.5).</content>
public sealed partial class NvmeDevice
{
    private const int FetchedAtOnce = 32;

    private readonly byte[] _fetched = new byte[FetchedAtOnce * NvmeCommand.Size];
    private readonly NvmeSubmissionQueue?[] _submissionQueues;
    private readonly NvmeCompletionQueue?[] _completionQueues;

    private void WriteDoorbell(ulong doorbell, uint value)
    {
        if (doorbell < (ulong)_doorbells.Length)
        {
            SetDoorbell((int)doorbell, value);
        }

        RingDoorbell(doorbell, value);
    }

    private void RingDoorbell(ulong doorbell, uint value)
    {
        if (!IsRunning)
        {
            return;
        }

        int id = (int)(doorbell / 2);
        bool completion = (doorbell & 1) != 0;
        if (id > _queuePairs || (completion ? _completionQueues[id] is null : _submissionQueues[id] is null))
        {
            _asyncEvents.Report(NvmeAsyncEvents.DoorbellError.InvalidRegister);
            DeliverAsyncEvents();
        }
        else if (completion)
        {
            RingCompletion(_completionQueues[id]!, value);
        }
        else
        {
            RingSubmission(_submissionQueues[id]!, value);
        }
    }

    private void RingSubmission(NvmeSubmissionQueue queue, uint tail)
    {
        if (tail >= queue.Entries)
        {
            _asyncEvents.Report(NvmeAsyncEvents.DoorbellError.InvalidValue);
            DeliverAsyncEvents();
            return;
        }

        queue.Tail = tail;
        Process(queue);
    }

    private void RingCompletion(NvmeCompletionQueue queue, uint head)
    {
        if (!queue.CanConsumeTo(head))
        {
            _asyncEvents.Report(NvmeAsyncEvents.DoorbellError.InvalidValue);
            DeliverAsyncEvents();
            return;
        }

        bool wasFull = queue.IsFull;
        queue.Head = head;
        RefreshIntx();
        if (!wasFull || queue.IsFull)
        {
            return;
        }

        // Commands that waited for room.
        if (queue.Id == 0)
        {
            DeliverAsyncEvents();
        }

        foreach (NvmeSubmissionQueue? waiting in _submissionQueues)
        {
            if (waiting is { IsEmpty: false } && waiting.Completions == queue)
            {
                Process(waiting);
            }
        }
    }

    /// <summary>Executes what the host has queued, until the queue is empty or its completion queue is full.</summary>
    private void Process(NvmeSubmissionQueue queue)
    {
        NvmeCompletionQueue completions = queue.Completions;
        bool posted = false;
        while (IsRunning && !queue.IsEmpty && !completions.IsFull)
        {
            int count = (int)Math.Min(queue.Contiguous, FetchedAtOnce);
            if (!Function.ReadMemory(queue.HeadAddress, _fetched.AsSpan(0, count * NvmeCommand.Size)))
            {
                Fail($"submission queue {queue.Id} at {queue.HeadAddress} could not be read");
                break;
            }

            for (int i = 0; i < count && IsRunning && completions.FreeEntries > (uint)_gathered.Count; i++)
            {
                var command = new NvmeCommand(_fetched.AsSpan(i * NvmeCommand.Size, NvmeCommand.Size));
                queue.Advance();
                if (queue.Id != 0 && TryGather(command))
                {
                    continue;
                }

                posted |= CompleteGathered(queue);
                NvmeStatus status = Execute(queue, command, out uint result);
                if (status != NvmeStatus.Held)
                {
                    posted |= Complete(queue, command.CommandId, status, result);
                }
            }

            posted |= CompleteGathered(queue);
        }

        if (posted)
        {
            Announce(completions);
        }

        if (queue.Id == 0)
        {
            DeliverAsyncEvents();
        }
    }

    private NvmeStatus Execute(NvmeSubmissionQueue queue, NvmeCommand command, out uint result)
    {
        result = 0;
        NvmeStatus status = command.UsesFuseOrSgl ? NvmeStatus.InvalidField
            : queue.Id == 0 ? ExecuteAdmin(command, out result)
            : ExecuteIo(command);
        if (status is not (NvmeStatus.Success or NvmeStatus.Held))
        {
            status |= NvmeStatus.More;
            _logs.AddError(queue.Id, command.CommandId, status, queue.Id == 0 ? 0 : command.StartingLba, command.NamespaceId);
        }

        return status;
    }

    /// <summary>Posts a completion; the host learns of it by <see cref="Announce"/>.</summary>
    private bool Complete(NvmeSubmissionQueue queue, ushort commandId, NvmeStatus status, uint result)
    {
        if (queue.Completions.Post(Function, result, (ushort)queue.Head, queue.Id, commandId, status))
        {
            return true;
        }

        Fail($"completion queue {queue.Completions.Id} could not be written");
        return false;
    }

    /// <summary>Writes what was posted, then interrupts: the host must find its entries when it looks (7.5).</summary>
    private void Announce(NvmeCompletionQueue queue)
    {
        if (!queue.Write(Function))
        {
            Fail($"completion queue {queue.Id} could not be written");
        }
        else if (queue.Interrupts && Function.EnabledVectors > 0)
        {
            Function.RaiseMsi(queue.Vector);
        }
        else
        {
            RefreshIntx();
        }
    }

    /// <summary>INTx is asserted while a queue that interrupts has entries the host has not consumed and INTMS does not mask its vector (7.5.1).</summary>
    private void RefreshIntx()
    {
        bool asserted = false;
        for (int i = 0; i < _completionQueues.Length && Function.EnabledVectors == 0; i++)
        {
            asserted |= _completionQueues[i] is { Interrupts: true, HasUnconsumed: true } queue && (queue.Vector > 31 || (_interruptMask & (1u << queue.Vector)) == 0);
        }

        if (asserted != Function.IsIntxPending)
        {
            Function.SetIntx(asserted);
        }
    }

    private void DeliverAsyncEvents()
    {
        NvmeSubmissionQueue? admin = _submissionQueues[0];
        if (!IsRunning || admin is null || admin.Completions.IsFull)
        {
            return;
        }

        if (_asyncEvents.TryTake(out ushort commandId, out uint result) && Complete(admin, commandId, NvmeStatus.Success, result))
        {
            Announce(admin.Completions);
        }
    }
}
