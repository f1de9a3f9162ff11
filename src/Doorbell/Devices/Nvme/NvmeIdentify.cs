using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>The identify data structures: 4096 bytes each, offsets as in NVMe 1.4, 5.15.2.</summary>
internal static class NvmeIdentify
{
    public const int Size = 4096;

    /// <summary>The one namespace.</summary>
    public const uint NamespaceId = 1;

    /// <summary>Abort commands and asynchronous event requests that may be outstanding.</summary>
    public const int OutstandingLimit = 4;

    private const byte UuidDescriptor = 3;
    private const int UuidLength = 16;

    /// <summary>CNS 01h.</summary>
    public static void Controller(Span<byte> page, PciAddress address, PciDeviceDescription description, int maxTransferLog2)
    {
        page.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(page, description.VendorId);
        BinaryPrimitives.WriteUInt16LittleEndian(page[2..], description.SubsystemVendorId);
        Text(page.Slice(4, 20), $"db-{address}");
        Text(page.Slice(24, 40), "Doorbell NVMe");
        FirmwareRevision(page.Slice(64, 8));
        page[77] = (byte)maxTransferLog2;
        BinaryPrimitives.WriteUInt32LittleEndian(page[80..], NvmeRegisters.Version14);
        page[111] = 1; // CNTRLTYPE: I/O controller
        page[258] = OutstandingLimit - 1; // ACL
        page[259] = OutstandingLimit - 1; // AERL
        page[260] = 0x03; // FRMW: one slot, read only
        page[261] = 1 << 2; // LPA: offsets and long lengths in Get Log Page
        page[262] = NvmeLogs.ErrorEntries - 1; // ELPE
        BinaryPrimitives.WriteUInt16LittleEndian(page[266..], NvmeFeatures.WarningTemperature);
        BinaryPrimitives.WriteUInt16LittleEndian(page[268..], NvmeFeatures.CriticalTemperature);
        page[512] = 0x66; // SQES: 64 bytes
        page[513] = 0x44; // CQES: 16 bytes
        BinaryPrimitives.WriteUInt32LittleEndian(page[516..], NamespaceId); // NN
        BinaryPrimitives.WriteUInt16LittleEndian(page[520..], (1 << 2) | (1 << 3)); // ONCS: dataset management, write zeroes
        page[525] = 0x07; // VWC: a volatile cache; flush takes FFFFFFFFh as well

        Span<byte> uuid = stackalloc byte[UuidLength];
        Uuid(uuid, address);
        Encoding.ASCII.GetBytes($"nqn.2014-08.org.nvmexpress:uuid:{new Guid(uuid, bigEndian: true)}", page.Slice(768, 256));
        BinaryPrimitives.WriteUInt16LittleEndian(page[2048..], 2500); // power state 0: 25 W, in units of 10 mW
    }

    /// <summary>CNS 00h: one LBA format, no metadata.</summary>
    public static void Namespace(Span<byte> page, ulong blocks, int blockSize)
    {
        page.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(page[16..], blocks);
        page[130] = (byte)BitOperations.Log2((uint)blockSize); // LBAF0.LBADS
    }

    /// <summary>CNS 02h: active namespaces above <paramref name="after"/>.</summary>
    public static void ActiveNamespaces(Span<byte> page, uint after)
    {
        page.Clear();
        if (after < NamespaceId)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(page, NamespaceId);
        }
    }

    /// <summary>CNS 03h: the namespace's UUID.</summary>
    public static void NamespaceDescriptors(Span<byte> page, PciAddress address)
    {
        page.Clear();
        page[0] = UuidDescriptor;
        page[1] = UuidLength;
        Uuid(page.Slice(4, UuidLength), address);
    }

    /// <summary>FR, as the controller data structure and the firmware log show it.</summary>
    public static void FirmwareRevision(Span<byte> field) => Text(field, "1.0");

    // Version 8 (RFC 9562, 5.8): ours to fill. Unique among the controllers of a machine, and the same in every run.
    private static void Uuid(Span<byte> uuid, PciAddress address)
    {
        uuid.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(uuid, 0xd00b_e111);
        BinaryPrimitives.WriteUInt16BigEndian(uuid[4..], address.Segment);
        uuid[6] = 0x80;
        uuid[8] = 0x80;
        BinaryPrimitives.WriteUInt16BigEndian(uuid[14..], address.RequesterId.Value);
    }

    // ASCII, left justified, padded with spaces (1.5).
    private static void Text(Span<byte> field, string text)
    {
        field.Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, field);
    }
}
