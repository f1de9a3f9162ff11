using System.Buffers.Binary;

namespace Doorbell.Devices;

/// <summary>A namespace: blocks of a backend under a number, and the names it is known by.</summary>
internal sealed class NvmeNamespace
{
    /// <summary>Namespaces of a controller at most: any number would do, and one page lists 1024.</summary>
    public const int Most = 32;

    public NvmeNamespace(uint id, IBlockBackend backend, int blockSize)
    {
        Id = id;
        Backend = backend;
        BlockSize = blockSize;
        Blocks = backend.Length / (uint)blockSize;
        ArgumentOutOfRangeException.ThrowIfZero(Blocks, nameof(backend));
    }

    /// <summary>NSID, from 1.</summary>
    public uint Id { get; }

    public IBlockBackend Backend { get; }

    /// <summary>Bytes: 512 or 4096.</summary>
    public int BlockSize { get; }

    /// <summary>NSZE. A backend's last part of a block is not used.</summary>
    public ulong Blocks { get; }

    public bool Contains(ulong start, uint blocks) => start <= Blocks && blocks <= Blocks - start;

    /// <summary>
    /// EUI-64 of the namespace or, with NSID 0, of the controller. Its first octet says "locally administered": nobody has given Doorbell a
    /// company's number. Unique among the controllers of a machine, and the same in every run.
    /// </summary>
    public static void WriteEui64(Span<byte> field, PciAddress address, uint id)
    {
        field[0] = 0x02;
        field[1] = 0xdb;
        BinaryPrimitives.WriteUInt16BigEndian(field[2..], address.Segment);
        BinaryPrimitives.WriteUInt16BigEndian(field[4..], address.RequesterId.Value);
        BinaryPrimitives.WriteUInt16BigEndian(field[6..], (ushort)id);
    }

    /// <summary>NGUID: a vendor's extension, then the EUI-64.</summary>
    public static void WriteNguid(Span<byte> field, PciAddress address, uint id)
    {
        "doorbell"u8.CopyTo(field);
        WriteEui64(field[8..], address, id);
    }

    /// <summary>A UUID of version 8 (RFC 9562, 5.8: ours to fill). NSID 0 is the controller's.</summary>
    public static void WriteUuid(Span<byte> field, PciAddress address, uint id)
    {
        field.Clear();
        BinaryPrimitives.WriteUInt32BigEndian(field, 0xd00b_e111);
        BinaryPrimitives.WriteUInt16BigEndian(field[4..], address.Segment);
        field[6] = 0x80;
        field[8] = 0x80;
        BinaryPrimitives.WriteUInt32BigEndian(field[10..], id);
        BinaryPrimitives.WriteUInt16BigEndian(field[14..], address.RequesterId.Value);
    }
}
