namespace Doorbell.Devices;

/// <content>
/// Small reads of one round of a submission queue are gathered: their data goes to the host in one transfer and is announced by one write of
/// completions, where a transfer each would be most of the work.
/// </content>
public sealed partial class NvmeDevice
{
    // Larger ones gain nothing by it.
    private const int GatheredLength = 4 * 4096;

    private readonly NvmeGatheredReads _gathered = new();

    /// <summary>Takes a read that needs nothing but its data; all else, and what is wrong with a command, is left to <see cref="Execute"/>.</summary>
    private bool TryGather(NvmeCommand command)
    {
        if ((NvmeIoOpcode)command.Opcode != NvmeIoOpcode.Read || command.UsesFuseOrSgl || command.ForceUnitAccess
            || FindNamespace(command.NamespaceId) is not { } volume || (ulong)command.Blocks * (uint)volume.BlockSize > GatheredLength)
        {
            return false;
        }

        int length = (int)command.Blocks * volume.BlockSize;
        Span<byte> room = _gathered.RoomFor(length);
        return !room.IsEmpty
            && Prepare(volume, command, out ulong offset, out _) == NvmeStatus.Success
            && volume.Backend.Read(offset, room) == BlockStatus.Done
            && _gathered.TryAdd(command, length, _pointer.Ranges);
    }

    /// <summary>Sends what has been gathered and posts its completions.</summary>
    private bool CompleteGathered(NvmeSubmissionQueue queue)
    {
        if (_gathered.Count == 0)
        {
            return false;
        }

        bool posted = false;
        int range = 0;
        int first = 0;
        while (first < _gathered.Count && IsRunning)
        {
            // What lies behind a piece that was aborted goes in another transfer.
            range += Function.WriteMemory(_gathered.Ranges[range..], _gathered.Data[_gathered[first].Offset..]);
            while (first < _gathered.Count && IsRunning && _gathered[first].FirstRange + _gathered[first].Ranges <= range)
            {
                _logs.CountRead(_gathered[first].Length);
                posted |= Complete(queue, _gathered[first++].CommandId, NvmeStatus.Success, 0);
            }

            if (first < _gathered.Count && IsRunning)
            {
                ref readonly NvmeGatheredReads.Entry failed = ref _gathered[first];
                _logs.AddError(queue.Id, failed.CommandId, NvmeStatus.DataTransferError | NvmeStatus.More, failed.StartingLba, failed.NamespaceId);
                posted |= Complete(queue, failed.CommandId, NvmeStatus.DataTransferError | NvmeStatus.More, 0);
                range = failed.FirstRange + failed.Ranges;
                first++;
            }
        }

        _gathered.Clear();
        return posted;
    }
}
