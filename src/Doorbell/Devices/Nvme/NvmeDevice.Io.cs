using System.Buffers.Binary;

namespace Doorbell.Devices;

/// <content>NVM commands (NVMe 1.4, 6).</content>
public sealed partial class NvmeDevice
{
    private const int RangeSize = 16;
    private const uint Deallocate = 1 << 2;
    private const int ComparedAtOnce = 4096;

    private readonly byte[] _compared = new byte[ComparedAtOnce];

    private NvmeStatus ExecuteIo(NvmeCommand command)
    {
        var opcode = (NvmeIoOpcode)command.Opcode;
        if (opcode is not (NvmeIoOpcode.Flush or NvmeIoOpcode.Write or NvmeIoOpcode.Read or NvmeIoOpcode.Compare or NvmeIoOpcode.WriteZeroes or NvmeIoOpcode.DatasetManagement))
        {
            return NvmeStatus.InvalidOpcode;
        }

        if (opcode == NvmeIoOpcode.Flush && command.NamespaceId == AllNamespaces)
        {
            return FlushAll();
        }

        if (FindNamespace(command.NamespaceId) is not { } volume)
        {
            return NvmeStatus.InvalidNamespace;
        }

        if (volume.Backend.IsReadOnly && opcode is NvmeIoOpcode.Write or NvmeIoOpcode.WriteZeroes or NvmeIoOpcode.DatasetManagement)
        {
            return NvmeStatus.NamespaceWriteProtected;
        }

        return opcode switch
        {
            NvmeIoOpcode.Flush => Flush(volume),
            NvmeIoOpcode.Read => Read(volume, command),
            NvmeIoOpcode.Write => Write(volume, command),
            NvmeIoOpcode.Compare => Compare(volume, command),
            NvmeIoOpcode.WriteZeroes => WriteZeroes(volume, command),
            _ => ManageDataset(volume, command),
        };
    }

    private NvmeStatus Read(NvmeNamespace volume, NvmeCommand command)
    {
        NvmeStatus status = Prepare(volume, command, out ulong offset, out int length);
        if (status == NvmeStatus.Success && command.ForceUnitAccess)
        {
            status = Flush(volume); // what is read must be on the medium by then (6.9)
        }

        if (status != NvmeStatus.Success)
        {
            return status;
        }

        status = Send(volume, offset, length);
        if (status == NvmeStatus.Success)
        {
            _logs.CountRead(length);
        }

        return status;
    }

    /// <summary>Blocks go to the host: from where they lie if the kernel can copy them, which saves the larger of two copies, or by way of a buffer.</summary>
    private NvmeStatus Send(NvmeNamespace volume, ulong offset, int length)
    {
        if (volume.Backend.TryGetBytes(offset, length, out KernelBytes bytes))
        {
            int sent = Function.WriteMemory(_pointer.Ranges, bytes, out bool faulted);
            if (sent == _pointer.RangeCount || faulted)
            {
                return faulted ? NvmeStatus.DataTransferError : NvmeStatus.Success;
            }
        }

        // Whatever it was that stopped the kernel, the medium or the host, is found and told here.
        Span<byte> data = _data.AsSpan(0, length);
        return volume.Backend.Read(offset, data) != BlockStatus.Done ? NvmeStatus.UnrecoveredReadError
            : _pointer.Write(Function, data) ? NvmeStatus.Success : NvmeStatus.DataTransferError;
    }

    private NvmeStatus Write(NvmeNamespace volume, NvmeCommand command)
    {
        NvmeStatus status = Prepare(volume, command, out ulong offset, out int length);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        // All of it comes over before any of it is stored: a fault on the way changes no block.
        Span<byte> data = _data.AsSpan(0, length);
        if (!_pointer.Read(Function, data))
        {
            return NvmeStatus.DataTransferError;
        }

        status = Translate(volume.Backend.Write(offset, data));
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        _logs.CountWrite(length);
        return MakeSafe(volume, command);
    }

    private NvmeStatus Compare(NvmeNamespace volume, NvmeCommand command)
    {
        NvmeStatus status = Prepare(volume, command, out ulong offset, out int length);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        Span<byte> data = _data.AsSpan(0, length);
        if (!_pointer.Read(Function, data))
        {
            return NvmeStatus.DataTransferError;
        }

        for (; !data.IsEmpty; offset += ComparedAtOnce)
        {
            Span<byte> stored = _compared.AsSpan(0, Math.Min(ComparedAtOnce, data.Length));
            if (volume.Backend.Read(offset, stored) != BlockStatus.Done)
            {
                return NvmeStatus.UnrecoveredReadError;
            }

            if (!stored.SequenceEqual(data[..stored.Length]))
            {
                return NvmeStatus.CompareFailure;
            }

            data = data[stored.Length..];
        }

        _logs.CountRead(length);
        return NvmeStatus.Success;
    }

    private NvmeStatus WriteZeroes(NvmeNamespace volume, NvmeCommand command)
    {
        if (!volume.Contains(command.StartingLba, command.Blocks))
        {
            return NvmeStatus.LbaOutOfRange;
        }

        ulong offset = command.StartingLba * (uint)volume.BlockSize;
        ulong length = (ulong)command.Blocks * (uint)volume.BlockSize;
        NvmeStatus status = Translate(volume.Backend.WriteZeroes(offset, length, command.MayDeallocate));
        return status == NvmeStatus.Success ? MakeSafe(volume, command) : status;
    }

    // Up to 256 ranges of context attributes, length in blocks and starting block (6.7). All ranges must exist before any is deallocated.
    private NvmeStatus ManageDataset(NvmeNamespace volume, NvmeCommand command)
    {
        int length = (int)((command.Cdw10 & 0xff) + 1) * RangeSize;
        Span<byte> ranges = _data.AsSpan(0, length);
        NvmeStatus status = _pointer.Map(Function, command.Prp1, command.Prp2, length, _pageSize);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        if (!_pointer.Read(Function, ranges))
        {
            return NvmeStatus.DataTransferError;
        }

        for (int i = 0; i < length; i += RangeSize)
        {
            (ulong start, uint blocks) = Range(ranges[i..]);
            if (!volume.Contains(start, blocks))
            {
                return NvmeStatus.LbaOutOfRange;
            }
        }

        for (int i = 0; i < length && (command.Cdw11 & Deallocate) != 0 && status == NvmeStatus.Success; i += RangeSize)
        {
            (ulong start, uint blocks) = Range(ranges[i..]);
            BlockStatus discarded = volume.Backend.Discard(start * (uint)volume.BlockSize, (ulong)blocks * (uint)volume.BlockSize);

            // A hint: what cannot be deallocated stays as it is.
            status = discarded == BlockStatus.Unsupported ? NvmeStatus.Success : Translate(discarded);
        }

        return status;
    }

    private static (ulong Start, uint Blocks) Range(ReadOnlySpan<byte> range) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(range[8..]), BinaryPrimitives.ReadUInt32LittleEndian(range[4..]));

    private static NvmeStatus Translate(BlockStatus status) => status switch
    {
        BlockStatus.Done => NvmeStatus.Success,
        BlockStatus.NoSpace => NvmeStatus.CapacityExceeded, // of the file system a file lies in; Linux then says ENOSPC
        _ => NvmeStatus.WriteFault,
    };

    private static NvmeStatus Flush(NvmeNamespace volume) => Translate(volume.Backend.Flush());

    private NvmeStatus FlushAll()
    {
        NvmeStatus status = NvmeStatus.Success;
        foreach (NvmeNamespace volume in _namespaces)
        {
            NvmeStatus flushed = Flush(volume);
            status = status == NvmeStatus.Success ? flushed : status;
        }

        return status;
    }

    private NvmeStatus MakeSafe(NvmeNamespace volume, NvmeCommand command) =>
        command.ForceUnitAccess || !_features.WriteCacheEnabled ? Flush(volume) : NvmeStatus.Success;

    /// <summary>Checks a transfer's blocks and size (MDTS) and finds its memory.</summary>
    private NvmeStatus Prepare(NvmeNamespace volume, NvmeCommand command, out ulong offset, out int length)
    {
        ulong bytes = (ulong)command.Blocks * (uint)volume.BlockSize;
        offset = 0;
        length = 0;
        if (bytes > MaxTransfer)
        {
            return NvmeStatus.InvalidField;
        }

        if (!volume.Contains(command.StartingLba, command.Blocks))
        {
            return NvmeStatus.LbaOutOfRange;
        }

        offset = command.StartingLba * (uint)volume.BlockSize;
        length = (int)bytes;
        return _pointer.Map(Function, command.Prp1, command.Prp2, length, _pageSize);
    }
}
