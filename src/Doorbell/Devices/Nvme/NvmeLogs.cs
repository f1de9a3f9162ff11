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
    public const int NamespaceListSize = 4096;
    public const int EffectsSize = 4096;

    /// <summary>Kelvin. There is no thermometer: 20 degrees Celsius, as a machine room has.</summary>
    public const ushort CompositeTemperature = 293;

    private const byte TemperatureWarning = 1 << 1;
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
        MediaErrors += (status & ~NvmeStatus.More) is NvmeStatus.UnrecoveredReadError or NvmeStatus.WriteFault ? 1u : 0;
    }

    /// <summary>Log 01h: the newest error first.</summary>
    public void WriteErrors(Span<byte> page)
    {
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
    /// <param name="page">Zeros.</param>
    /// <param name="isBeyondThreshold">The temperature is beyond a threshold the host has set.</param>
    public void WriteSmart(Span<byte> page, bool isBeyondThreshold)
    {
        page[0] = isBeyondThreshold ? TemperatureWarning : (byte)0;
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
        page[0] = 1;
        NvmeIdentify.FirmwareRevision(page.Slice(8, 8));
    }

    /// <summary>Log 05h: the commands there are (bit 0), and those that change what is in a namespace (bit 1). Admin commands first, I/O from 1024.</summary>
    public static void WriteEffects(Span<byte> page)
    {
        const byte Supported = 1, ChangesBlocks = 2;
        const int Io = 1024, EntrySize = 4;
        foreach (NvmeAdminOpcode opcode in Enum.GetValues<NvmeAdminOpcode>())
        {
            page[(int)opcode * EntrySize] = Supported;
        }

        foreach (NvmeIoOpcode opcode in Enum.GetValues<NvmeIoOpcode>())
        {
            bool changes = opcode is NvmeIoOpcode.Write or NvmeIoOpcode.WriteZeroes or NvmeIoOpcode.DatasetManagement;
            page[Io + ((int)opcode * EntrySize)] = changes ? (byte)(Supported | ChangesBlocks) : Supported;
        }
    }

    private readonly record struct Error(ulong Number, ushort SubmissionQueue, ushort CommandId, NvmeStatus Status, ulong Lba, uint NamespaceId);
}
