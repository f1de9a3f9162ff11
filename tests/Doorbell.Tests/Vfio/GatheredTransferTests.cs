using System.Runtime.InteropServices;
using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Iommu.Events;
using Doorbell.Pci;
using Doorbell.Tests.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Vfio;

/// <summary>DMA of many pieces: what one client's memory holds of them goes in one copy, and a fault says where, once.</summary>
public class GatheredTransferTests
{
    private const ulong Other = 0x6f00_0000_0000;

    private readonly MappedBoard _board = new(new MappedModel());
    private readonly VectorMemory _client = new(Board.Memory);
    private readonly VectorMemory _second = new(Other);
    private readonly List<MachineEvent> _events = [];

    public GatheredTransferTests()
    {
        _board.Open();
        _board.Machine.Events.Subscribe(_events.Add);
        _board.Function.SetCommand(PciCommand.MemorySpace | PciCommand.BusMaster);

        // Pages of the first client in an order of their own, then one of another client, then nothing.
        Map(_client, Board.Memory + 0x2000, 0x10_0000);
        Map(_client, Board.Memory, 0x10_1000);
        Map(_second, Other, 0x10_2000);
    }

    [Fact]
    public void T6_Pieces_in_one_clients_memory_are_one_copy()
    {
        DmaRange[] ranges = [new(new Iova(0x10_0ff8), 8), new(new Iova(0x10_1010), 16), new(new Iova(0x10_0100), 4)];
        byte[] sent = [.. Enumerable.Range(1, 28).Select(static i => (byte)i)];

        Assert.Equal(3, _board.Function.WriteMemory(ranges, sent));
        Assert.Equal(1, _client.Vectors);
        Assert.Equal(sent[..8], _client.Bytes[0x2ff8..0x3000]);
        Assert.Equal(sent[8..24], _client.Bytes[0x10..0x20]);

        byte[] back = new byte[28];
        Assert.Equal(3, _board.Function.ReadMemory(ranges, back));
        Assert.Equal(sent, back);
        Assert.Equal(2, _client.Vectors);
    }

    [Fact]
    public void A_piece_that_is_in_two_pieces_behind_the_IOMMU_and_one_of_another_client_arrive_all_the_same()
    {
        DmaRange[] ranges = [new(new Iova(0x10_0ff0), 32), new(new Iova(0x10_2000), 4), new(new Iova(0x10_1100), 4)];
        byte[] sent = [.. Enumerable.Range(1, 40).Select(static i => (byte)i)];

        Assert.Equal(3, _board.Function.WriteMemory(ranges, sent));
        Assert.Equal(sent[..16], _client.Bytes[0x2ff0..0x3000]);
        Assert.Equal(sent[16..32], _client.Bytes[..0x10]);
        Assert.Equal(sent[32..36], _second.Bytes[..4]);
        Assert.Equal(sent[36..], _client.Bytes[0x100..0x104]);
        byte[] back = new byte[40];
        Assert.Equal(3, _board.Function.ReadMemory(ranges, back));
        Assert.Equal(sent, back);
    }

    [Fact]
    public void I10_The_piece_that_faults_is_named_once_and_those_before_it_have_gone()
    {
        DmaRange[] ranges = [new(new Iova(0x10_0000), 4), new(new Iova(0x20_0000), 4), new(new Iova(0x10_1000), 4)];
        Assert.Equal(1, _board.Function.WriteMemory(ranges, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }));
        Assert.Equal(new Iova(0x20_0000), Assert.Single(_events.OfType<IommuFaultEvent>()).Iova);
        Assert.Equal([1, 2, 3, 4], _client.Bytes[0x2000..0x2004]);
        Assert.Equal(0, _client.Bytes[0]);
        Assert.Equal(1, _board.Function.ReadMemory(ranges, new byte[12]));
    }

    [Fact]
    public void A_piece_the_client_has_unmapped_is_named_once_and_those_before_it_have_gone()
    {
        _client.Missing = 0;
        DmaRange[] ranges = [new(new Iova(0x10_0000), 4), new(new Iova(0x10_1000), 4), new(new Iova(0x10_0100), 4)];
        Assert.Equal(1, _board.Function.WriteMemory(ranges, new byte[12]));
        Assert.Equal(1, _board.Function.ReadMemory(ranges, new byte[12]));
        Assert.Equal([true, false], _events.OfType<BusAbort>().Select(static abort => abort.IsWrite));

        // A client that is gone is not told what it should have kept.
        _client.HasEnded = true;
        Assert.Equal(1, _board.Function.WriteMemory(ranges, new byte[12]));
        Assert.Equal(2, _events.OfType<BusAbort>().Count());
    }

    [Fact]
    public void More_pieces_than_are_gathered_at_once_go_all_of_them_and_nothing_is_allocated()
    {
        DmaRange[] ranges = [.. Enumerable.Range(0, 200).Select(static i => new DmaRange(new Iova(0x10_0000 + ((ulong)i * 16)), 4))];
        byte[] sent = [.. Enumerable.Range(0, 800).Select(static i => (byte)i)];
        Assert.Equal(200, _board.Function.WriteMemory(ranges, sent));
        Assert.Equal(4, _client.Vectors);
        Assert.Equal(sent[796..], _client.Bytes[(0x2000 + (199 * 16))..][..4]);

        PciFunction function = _board.Function;
        Allocations.None(() => function.WriteMemory(ranges, sent));
    }

    [Fact]
    public void What_is_gathered_is_counted_as_all_DMA_is()
    {
        var port = (RequesterPort)_board.Function.Upstream!;
        DmaRange[] ranges = [new(new Iova(0x10_0000), 4), new(new Iova(0x10_1000), 8), new(new Iova(0x10_2000), 16)];
        _board.Function.WriteMemory(ranges, new byte[28]);
        Assert.Equal((0, 28), (port.BytesRead, port.BytesWritten));
        _board.Function.ReadMemory(ranges, new byte[28]);
        Assert.Equal((28, 28), (port.BytesRead, port.BytesWritten));

        using var pinned = new Pinned(new byte[28]);
        _client.CopiesInKernel = _second.CopiesInKernel = true;
        _board.Function.WriteMemory(ranges, pinned.Bytes, out _);
        Assert.Equal((28, 56), (port.BytesRead, port.BytesWritten));
    }

    [Fact]
    public void Bytes_that_only_the_kernel_may_copy_go_where_the_kernel_copies()
    {
        byte[] sent = [.. Enumerable.Range(1, 28).Select(static i => (byte)i)];
        using var pinned = new Pinned(sent);
        DmaRange[] ranges = [new(new Iova(0x10_0000), 4), new(new Iova(0x10_1000), 8), new(new Iova(0x10_2000), 16)];

        Assert.Equal(0, _board.Function.WriteMemory(ranges, pinned.Bytes, out bool faulted));
        Assert.False(faulted);

        _client.CopiesInKernel = true;
        Assert.Equal(2, _board.Function.WriteMemory(ranges, pinned.Bytes, out faulted));
        Assert.False(faulted);
        Assert.Equal(sent[..4], _client.Bytes[0x2000..0x2004]);
        Assert.Equal(sent[4..12], _client.Bytes[..8]);
        Assert.Equal(0, _second.Bytes[0]);

        _second.CopiesInKernel = true;
        Assert.Equal(3, _board.Function.WriteMemory(ranges, pinned.Bytes, out faulted));
        Assert.Equal(sent[12..], _second.Bytes[..16]);
        Assert.Empty(_events.OfType<BusAbort>());

        DmaRange[] outside = [ranges[0], new(new Iova(0x20_0000), 8), ranges[2]];
        Assert.Equal(1, _board.Function.WriteMemory(outside, pinned.Bytes, out faulted));
        Assert.True(faulted);
        Assert.Equal(new Iova(0x20_0000), Assert.Single(_events.OfType<IommuFaultEvent>()).Iova);
    }

    private void Map(VectorMemory memory, ulong address, ulong iova) =>
        Board.Ok(_board.Container.MapDma(VfioMapFlags.Read | VfioMapFlags.Write, address, new Iova(iova), 0x1000, memory));

    /// <summary>16 KiB of a client that counts copies of many pieces.</summary>
    private sealed class VectorMemory(ulong start) : IClientAddressSpace
    {
        public byte[] Bytes { get; } = new byte[0x4000];

        public int Vectors { get; private set; }

        /// <summary>A page that is not there any more.</summary>
        public int? Missing { get; set; }

        public bool HasEnded { get; set; }

        public bool CopiesInKernel { get; set; }

        public unsafe bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, KernelBytes source) =>
            CopiesInKernel && TryWrite(ranges, new ReadOnlySpan<byte>((void*)source.Address, source.Length));

        public bool TryRead(ulong address, Span<byte> destination)
        {
            if (IsMissing(address))
            {
                return false;
            }

            Bytes.AsSpan((int)(address - start), destination.Length).CopyTo(destination);
            return true;
        }

        public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
        {
            if (IsMissing(address))
            {
                return false;
            }

            source.CopyTo(Bytes.AsSpan((int)(address - start)));
            return true;
        }

        public bool TryRead(ReadOnlySpan<HostMemoryRange> ranges, Span<byte> destination)
        {
            Vectors++;
            foreach (HostMemoryRange range in ranges)
            {
                if (!TryRead(range.Address, destination[..range.Length]))
                {
                    return false;
                }

                destination = destination[range.Length..];
            }

            return true;
        }

        public bool TryWrite(ReadOnlySpan<HostMemoryRange> ranges, ReadOnlySpan<byte> source)
        {
            Vectors++;
            foreach (HostMemoryRange range in ranges)
            {
                if (!TryWrite(range.Address, source[..range.Length]))
                {
                    return false;
                }

                source = source[range.Length..];
            }

            return true;
        }

        public Errno Pin(ulong address, ulong size, bool write) => Errno.None;

        public void Unpin(ulong address, ulong size)
        {
        }

        private bool IsMissing(ulong address) => Missing is { } page && (int)((address - start) / 0x1000) == page;
    }

    private sealed class Pinned : IDisposable
    {
        private readonly byte[] _bytes;
        private GCHandle _handle;

        public Pinned(byte[] bytes)
        {
            _bytes = bytes;
            _handle = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        }

        public KernelBytes Bytes => new(_handle.AddrOfPinnedObject(), _bytes.Length);

        public void Dispose() => _handle.Free();
    }
}
