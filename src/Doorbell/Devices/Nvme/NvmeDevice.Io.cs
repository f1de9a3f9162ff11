using System.Buffers.Binary;

namespace Doorbell.Devices;

/// <content>NVM commands (NVMe 1.4, 6).</content>
public sealed partial class NvmeDevice
{
    private const int RangeSize = 16;

    private static readonly byte[] _zeros = new byte[65536];

    private NvmeStatus ExecuteIo(NvmeCommand command)
    {
        var opcode = (NvmeIoOpcode)command.Opcode;
        bool all = opcode == NvmeIoOpcode.Flush && command.NamespaceId == AllNamespaces;
        if (opcode is not (NvmeIoOpcode.Flush or NvmeIoOpcode.Write or NvmeIoOpcode.Read or NvmeIoOpcode.WriteZeroes or NvmeIoOpcode.DatasetManagement))
        {
            return NvmeStatus.InvalidOpcode;
        }

        if (command.NamespaceId != NvmeIdentify.NamespaceId && !all)
        {
            return NvmeStatus.InvalidNamespace;
        }

        return opcode switch
        {
            NvmeIoOpcode.Flush => FlushBackend(),
            NvmeIoOpcode.Read => Read(command),
            NvmeIoOpcode.Write => Write(command),
            NvmeIoOpcode.WriteZeroes => WriteZeroes(command),
            _ => ManageDataset(command),
        };
    }

    private NvmeStatus Read(NvmeCommand command)
    {
        NvmeStatus status = Prepare(command, out ulong offset, out int length);
        if (status != NvmeStatus.Success)
        {
            return status;
        }

        Span<byte> data = _data.AsSpan(0, length);
        if (!_backend.Read(offset, data))
        {
            return NvmeStatus.UnrecoveredReadError;
        }

        if (!_pointer.Write(Function, data))
        {
            return NvmeStatus.DataTransferError;
        }

        _logs.CountRead(length);
        return NvmeStatus.Success;
    }

    private NvmeStatus Write(NvmeCommand command)
    {
        NvmeStatus status = Prepare(command, out ulong offset, out int length);
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

        if (!_backend.Write(offset, data))
        {
            return NvmeStatus.WriteFault;
        }

        _logs.CountWrite(length);
        return MakeSafe(command);
    }

    private NvmeStatus WriteZeroes(NvmeCommand command)
    {
        if (IsOutOfRange(command.StartingLba, command.Blocks))
        {
            return NvmeStatus.LbaOutOfRange;
        }

        ulong offset = command.StartingLba * (uint)_blockSize;
        ulong remaining = (ulong)command.Blocks * (uint)_blockSize;
        while (remaining > 0)
        {
            int length = (int)Math.Min(remaining, (ulong)_zeros.Length);
            if (!_backend.Write(offset, _zeros.AsSpan(0, length)))
            {
                return NvmeStatus.WriteFault;
            }

            offset += (uint)length;
            remaining -= (uint)length;
        }

        return MakeSafe(command);
    }

    // Up to 256 ranges of context attributes, length in blocks and starting block (6.7). All ranges must exist; what they advise may be ignored.
    private NvmeStatus ManageDataset(NvmeCommand command)
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

        for (; !ranges.IsEmpty; ranges = ranges[RangeSize..])
        {
            uint blocks = BinaryPrimitives.ReadUInt32LittleEndian(ranges[4..]);
            if (IsOutOfRange(BinaryPrimitives.ReadUInt64LittleEndian(ranges[8..]), blocks))
            {
                return NvmeStatus.LbaOutOfRange;
            }
        }

        return NvmeStatus.Success;
    }

    private NvmeStatus FlushBackend() => _backend.Flush() ? NvmeStatus.Success : NvmeStatus.WriteFault;

    private NvmeStatus MakeSafe(NvmeCommand command) =>
        command.ForceUnitAccess || !_features.WriteCacheEnabled ? FlushBackend() : NvmeStatus.Success;

    /// <summary>Checks a transfer's blocks and size (MDTS) and finds its memory.</summary>
    private NvmeStatus Prepare(NvmeCommand command, out ulong offset, out int length)
    {
        ulong bytes = (ulong)command.Blocks * (uint)_blockSize;
        offset = 0;
        length = 0;
        if (bytes > MaxTransfer)
        {
            return NvmeStatus.InvalidField;
        }

        if (IsOutOfRange(command.StartingLba, command.Blocks))
        {
            return NvmeStatus.LbaOutOfRange;
        }

        offset = command.StartingLba * (uint)_blockSize;
        length = (int)bytes;
        return _pointer.Map(Function, command.Prp1, command.Prp2, length, _pageSize);
    }

    private bool IsOutOfRange(ulong start, uint blocks) => start > _blocks || blocks > _blocks - start;
}
