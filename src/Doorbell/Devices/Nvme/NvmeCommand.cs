using System.Buffers.Binary;

namespace Doorbell.Devices;

/// <summary>A submission queue entry: 64 bytes (NVMe 1.4, 4.2).</summary>
internal readonly ref struct NvmeCommand(ReadOnlySpan<byte> entry)
{
    /// <summary>Bytes of an entry; CC.IOSQES is its log2.</summary>
    public const int Size = 64;

    private readonly ReadOnlySpan<byte> _entry = entry;

    public byte Opcode => _entry[0];

    /// <summary>Fused operations and SGLs: neither is offered, so both fields must be zero.</summary>
    public bool UsesFuseOrSgl => (_entry[1] & 0xc3) != 0;

    public ushort CommandId => BinaryPrimitives.ReadUInt16LittleEndian(_entry[2..]);

    public uint NamespaceId => Dword(1);

    public ulong Prp1 => BinaryPrimitives.ReadUInt64LittleEndian(_entry[24..]);

    public ulong Prp2 => BinaryPrimitives.ReadUInt64LittleEndian(_entry[32..]);

    public uint Cdw10 => Dword(10);

    public uint Cdw11 => Dword(11);

    public uint Cdw12 => Dword(12);

    public uint Cdw13 => Dword(13);

    /// <summary>CDW10 and CDW11 of I/O commands: the first block.</summary>
    public ulong StartingLba => Cdw10 | ((ulong)Cdw11 << 32);

    /// <summary>CDW12 of I/O commands: blocks; the field counts from zero.</summary>
    public uint Blocks => (Cdw12 & 0xffff) + 1;

    /// <summary>CDW12 of I/O commands: FUA.</summary>
    public bool ForceUnitAccess => (Cdw12 & (1u << 30)) != 0;

    /// <summary>CDW12 of Write Zeroes: DEAC, the blocks may be deallocated.</summary>
    public bool MayDeallocate => (Cdw12 & (1u << 25)) != 0;

    private uint Dword(int index) => BinaryPrimitives.ReadUInt32LittleEndian(_entry[(4 * index)..]);
}
