using System.Buffers.Binary;
using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>A device of which BAR 0 (16 KiB, MSI-X table and pending bits in it) can be mapped whole: it counts what it is asked.</summary>
public sealed class MappedModel : PciDeviceModel
{
    public const uint Signature = 0x1bad_cafe;
    public const ulong Table = 0x1000;

    private IPciSharedMemory? _memory;

    public override string Name => "mapped";

    public override PciDeviceDescription Description { get; } = PlainModel.Simple with { MsiX = new MsiXDescription(4, 0, (uint)Table, 0, 0x2000) };

    public override IReadOnlyList<PciMappableRange> MappableRanges { get; } = [new PciMappableRange(0, 0, 0x4000)];

    public int Shown { get; private set; }

    public int Polls { get; private set; }

    /// <summary>What a poll does.</summary>
    public Func<bool>? OnPoll { get; set; }

    public override void ReadBar(int bar, ulong offset, Span<byte> destination) => destination.Clear();

    public override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
    }

    public override void Reset()
    {
    }

    protected internal override void OnMapped(PciMappableRange range, IPciSharedMemory memory)
    {
        _memory = memory;
        Shown++;
        byte[] signature = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(signature, Signature);
        memory.Write(0, 0, signature);
    }

    protected internal override void OnUnmapped() => _memory = null;

    protected internal override bool Poll()
    {
        Assert.NotNull(_memory);
        Polls++;
        return OnPoll?.Invoke() ?? false;
    }
}
