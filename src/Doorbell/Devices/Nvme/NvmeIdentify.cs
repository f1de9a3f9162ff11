using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Doorbell.Pci;

namespace Doorbell.Devices;

/// <summary>The identify data structures: 4096 bytes each, offsets as in NVMe 1.4, 5.15.2. Each is written into a page of zeros.</summary>
internal static class NvmeIdentify
{
    public const int Size = 4096;

    /// <summary>Abort commands and asynchronous event requests that may be outstanding.</summary>
    public const int OutstandingLimit = 4;

    // NIDT of the descriptors of CNS 03h.
    private const byte EuiDescriptor = 1;
    private const byte NguidDescriptor = 2;
    private const byte UuidDescriptor = 3;
    private const int EuiLength = 8;
    private const int NguidLength = 16;
    private const int UuidLength = 16;

    // ONCS: compare, dataset management, write zeroes, select in Get Features.
    private const ushort OptionalCommands = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 4);

    // DLFEAT: a deallocated block reads as zeros; write zeroes may deallocate.
    private const byte DeallocateFeatures = 0x09;

    /// <summary>CNS 01h.</summary>
    public static void Controller(Span<byte> page, PciAddress address, PciDeviceDescription description, int maxTransferLog2, int namespaces)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(page, description.VendorId);
        BinaryPrimitives.WriteUInt16LittleEndian(page[2..], description.SubsystemVendorId);
        Text(page.Slice(4, 20), $"db-{address}");
        Text(page.Slice(24, 40), "Doorbell NVMe");
        FirmwareRevision(page.Slice(64, 8));
        page[77] = (byte)maxTransferLog2; // MDTS
        BinaryPrimitives.WriteUInt32LittleEndian(page[80..], NvmeRegisters.Version14);
        page[111] = 1; // CNTRLTYPE: I/O controller
        NvmeNamespace.WriteNguid(page.Slice(112, NguidLength), address, id: 0); // FGUID
        page[258] = OutstandingLimit - 1; // ACL
        page[259] = OutstandingLimit - 1; // AERL
        page[260] = 0x03; // FRMW: one slot, read only
        page[261] = (1 << 1) | (1 << 2); // LPA: commands supported and effects; offsets and long lengths in Get Log Page
        page[262] = NvmeLogs.ErrorEntries - 1; // ELPE
        BinaryPrimitives.WriteUInt16LittleEndian(page[266..], NvmeFeatures.WarningTemperature);
        BinaryPrimitives.WriteUInt16LittleEndian(page[268..], NvmeFeatures.CriticalTemperature);
        page[512] = 0x66; // SQES: 64 bytes
        page[513] = 0x44; // CQES: 16 bytes
        BinaryPrimitives.WriteUInt32LittleEndian(page[516..], (uint)namespaces); // NN
        BinaryPrimitives.WriteUInt16LittleEndian(page[520..], OptionalCommands);
        page[525] = 0x07; // VWC: a volatile cache; flush takes FFFFFFFFh as well

        Span<byte> uuid = stackalloc byte[UuidLength];
        NvmeNamespace.WriteUuid(uuid, address, id: 0);
        Encoding.ASCII.GetBytes($"nqn.2014-08.org.nvmexpress:uuid:{new Guid(uuid, bigEndian: true)}", page.Slice(768, 256));
        BinaryPrimitives.WriteUInt16LittleEndian(page[2048..], 2500); // power state 0: 25 W, in units of 10 mW
    }

    /// <summary>CNS 00h and 11h: one LBA format, no metadata.</summary>
    public static void Namespace(Span<byte> page, NvmeNamespace volume, PciAddress address)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(page, volume.Blocks); // NSZE, NCAP, NUSE: nothing is thinly provisioned
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], volume.Blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(page[16..], volume.Blocks);
        page[33] = DeallocateFeatures;
        page[99] = volume.Backend.IsReadOnly ? (byte)1 : (byte)0; // NSATTR: write protected
        NvmeNamespace.WriteNguid(page.Slice(104, NguidLength), address, volume.Id);
        NvmeNamespace.WriteEui64(page.Slice(120, EuiLength), address, volume.Id);
        page[130] = (byte)BitOperations.Log2((uint)volume.BlockSize); // LBAF0.LBADS
    }

    /// <summary>CNS 02h and 10h: namespaces above <paramref name="after"/>, which are 1 to <paramref name="namespaces"/>.</summary>
    public static void Namespaces(Span<byte> page, uint after, int namespaces)
    {
        for (uint id = after + 1, i = 0; id <= namespaces && i < Size / sizeof(uint); id++, i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(page[(int)(4 * i)..], id);
        }
    }

    /// <summary>CNS 03h: every name the namespace has.</summary>
    public static void NamespaceDescriptors(Span<byte> page, PciAddress address, uint id)
    {
        NvmeNamespace.WriteEui64(Descriptor(ref page, EuiDescriptor, EuiLength), address, id);
        NvmeNamespace.WriteNguid(Descriptor(ref page, NguidDescriptor, NguidLength), address, id);
        NvmeNamespace.WriteUuid(Descriptor(ref page, UuidDescriptor, UuidLength), address, id);
    }

    /// <summary>CNS 12h and 13h: the one controller, whose number is 0, where the list is to begin with it.</summary>
    public static void Controllers(Span<byte> page, uint from) => BinaryPrimitives.WriteUInt16LittleEndian(page, from == 0 ? (ushort)1 : (ushort)0);

    /// <summary>FR, as the controller data structure and the firmware log show it.</summary>
    public static void FirmwareRevision(Span<byte> field) => Text(field, "1.0");

    private static Span<byte> Descriptor(ref Span<byte> page, byte type, int length)
    {
        page[0] = type;
        page[1] = (byte)length;
        Span<byte> value = page.Slice(4, length);
        page = page[(4 + length)..];
        return value;
    }

    // ASCII, left justified, padded with spaces (1.5).
    private static void Text(Span<byte> field, string text)
    {
        field.Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, field);
    }
}
