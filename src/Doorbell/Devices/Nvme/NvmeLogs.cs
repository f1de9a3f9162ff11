using System.Buffers.Binary;

namespace Doorbell.Devices;

/// <summary>What the log pages are made from: errors seen and work done (NVMe 1.4, 5.14.1). They outlive a reset of the controller.</summary>
internal sealed class NvmeLogs
{
    /// <summary>Entries of the error log; the controller data structure says one less.</summary>
    public const int ErrorEntries = 16;

    public const int ErrorEntrySize = 64;
    public const int SmartSize = 512;
    public const int FirmwareSize = 512;

    // There is no thermometer: 20 degrees Celsius, as a machine room has.
    private const ushort CompositeTemperature = 293;
    private const byte SpareAvailable = 100;
    private const byte SpareThreshold = 10;
    private const int DataUnit = 512 * 1000;

    private readonly Error[] _errors = new Error[ErrorEntries];
    private ulong _errorCount;

    public ulong BytesRead { get; private set; }

    public ulong BytesWritten { get; private set; }

    public ulong Reads { get; private set; }

    public ulong Writes { get; private set; }

    public ulong MediaErrors { get; private set; }

    public void CountRead(int bytes)
    {
        Reads++;
        BytesRead += (uint)bytes;
    }

    public void CountWrite(int bytes)
    {
        Writes++;
        BytesWritten += (uint)bytes;
    }

    public void AddError(int submissionQueue, ushort commandId, NvmeStatus status, ulong lba, uint namespaceId)
    {
        _errors[_errorCount % ErrorEntries] = new Error(_errorCount + 1, (ushort)submissionQueue, commandId, status, lba, namespaceId);
        _errorCount++;
        MediaErrors += status is NvmeStatus.UnrecoveredReadError or NvmeStatus.WriteFault ? 1u : 0;
    }

    /// <summary>Log 01h: the newest error first.</summary>
    public void WriteErrors(Span<byte> page)
    {
        page.Clear();
        for (int i = 0; i < ErrorEntries && (ulong)i < _errorCount; i++)
        {
            Error error = _errors[(_errorCount - 1 - (ulong)i) % ErrorEntries];
            Span<byte> entry = page.Slice(i * ErrorEntrySize, ErrorEntrySize);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, error.Number);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[8..], error.SubmissionQueue);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[10..], error.CommandId);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], (ushort)((uint)error.Status << 1));

            // Which byte of the command was wrong is not recorded: FFFFh says so.
            BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], ushort.MaxValue);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], error.Lba);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], error.NamespaceId);
        }
    }

    /// <summary>Log 02h.</summary>
    public void WriteSmart(Span<byte> page)
    {
        page.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(page[1..], CompositeTemperature);
        page[3] = SpareAvailable;
        page[4] = SpareThreshold;
        BinaryPrimitives.WriteUInt64LittleEndian(page[32..], (BytesRead + DataUnit - 1) / DataUnit);
        BinaryPrimitives.WriteUInt64LittleEndian(page[48..], (BytesWritten + DataUnit - 1) / DataUnit);
        BinaryPrimitives.WriteUInt64LittleEndian(page[64..], Reads);
        BinaryPrimitives.WriteUInt64LittleEndian(page[80..], Writes);
        BinaryPrimitives.WriteUInt64LittleEndian(page[112..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(page[160..], MediaErrors);
        BinaryPrimitives.WriteUInt64LittleEndian(page[176..], _errorCount);
    }

    /// <summary>Log 03h: one slot, in use, never to be changed.</summary>
    public static void WriteFirmware(Span<byte> page)
    {
        page.Clear();
        page[0] = 1;
        NvmeIdentify.FirmwareRevision(page.Slice(8, 8));
    }

    private readonly record struct Error(ulong Number, ushort SubmissionQueue, ushort CommandId, NvmeStatus Status, ulong Lba, uint NamespaceId);
}
