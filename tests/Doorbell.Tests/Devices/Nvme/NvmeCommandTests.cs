using System.Buffers.Binary;
using Doorbell.Devices;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>Compare, write zeroes and dataset management (NVMe 1.4, 6.6, 6.7, 6.17), what a failing medium is called, and the log pages about it.</summary>
public class NvmeCommandTests
{
    private const ulong Data = Base + 0x30_0000;

    private readonly RecordingBackend _backend = new(new MemoryBlockBackend(64 << 20));
    private readonly NvmeHost _host;

    public NvmeCommandTests()
    {
        _host = new NvmeHost(_backend);
        _host.EnableMsiX();
        _host.EnableController();
        _host.CreateQueue(1);
        new Random(5).NextBytes(_host.Memory.At(Data, 1 << 20));
    }

    [Fact]
    public void Compare_says_whether_the_blocks_are_the_hosts()
    {
        Assert.Equal(0, _host.Run(1, Transfer(true, 0, 16, Data, Data + 0x1000)).Code);
        var compare = new Command { Opcode = 5, Nsid = 1, Prp1 = Data, Prp2 = Data + 0x1000, Cdw12 = 15 };
        Assert.Equal(0, _host.Run(1, compare).Code);
        _host.Memory.At(Data + 0x1fff, 1)[0] ^= 1;
        Completion differs = _host.Run(1, compare);
        Assert.Equal((0x285, 0x6000), (differs.Code, differs.Status & 0x6000));
        _backend.Answer = BlockStatus.Failed;
        Assert.Equal(0x281, _host.Run(1, compare).Code);
        Assert.Equal(1, _backend.Writes);
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(1u << 25, true)]
    public void Write_zeroes_deallocates_where_it_is_let(uint flags, bool deallocates)
    {
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 8, Nsid = 1, Cdw10 = 16, Cdw12 = 0xffff | flags }).Code);
        Assert.Equal([(16UL * 512, 65536UL * 512, deallocates)], _backend.Zeroed);
        Assert.Equal(0, _backend.Flushes);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 8, Nsid = 1, Cdw12 = (1u << 30) | flags }).Code);
        Assert.Equal(1, _backend.Flushes);
    }

    [Fact]
    public void What_is_deallocated_reads_as_zeros()
    {
        Assert.Equal(0, _host.Run(1, Transfer(true, 0, 8, Data)).Code);
        Range(0, 2, 1);
        Range(1, 1, 6);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 1, Cdw11 = 4 }).Code);
        byte[] expected = _host.Memory.At(Data, 4096).ToArray();
        expected.AsSpan(512, 1024).Clear();
        expected.AsSpan(6 * 512, 512).Clear();
        Assert.Equal(0, _host.Run(1, Transfer(false, 0, 8, Data + 0x8000)).Code);
        Assert.Equal(expected, _host.Memory.At(Data + 0x8000, 4096).ToArray());
    }

    [Fact]
    public void Ranges_that_are_only_hints_or_in_part_wrong_change_nothing()
    {
        Range(0, 2, 1);
        Range(1, 1, 0x2_0000);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 0, Cdw11 = 3 }).Code);
        Assert.Equal(0x080, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 1, Cdw11 = 4 }).Code);
        Assert.Empty(_backend.Zeroed);
    }

    [Fact]
    public void A_medium_that_cannot_deallocate_is_no_error()
    {
        _backend.Answer = BlockStatus.Unsupported;
        Range(0, 2, 1);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 0, Cdw11 = 4 }).Code);
        _backend.Answer = BlockStatus.Failed;
        Assert.Equal(0x280, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 0, Cdw11 = 4 }).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    public void No_room_is_capacity_exceeded_and_not_to_be_tried_again(byte opcode)
    {
        _backend.Answer = BlockStatus.NoSpace;
        Completion completion = _host.Run(1, new Command { Opcode = opcode, Nsid = 1, Prp1 = Data });
        Assert.Equal((0x081, 0x4000), (completion.Code, completion.Status & 0x4000));
    }

    [Fact]
    public void A_forced_read_is_of_what_is_on_the_medium()
    {
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 2, Nsid = 1, Prp1 = Data, Cdw12 = 1u << 30 }).Code);
        Assert.Equal(1, _backend.Flushes);
    }

    [Fact]
    public void An_error_says_that_the_log_has_more_and_the_log_names_command_queue_block_and_namespace()
    {
        _backend.Answer = BlockStatus.Failed;
        Completion failed = _host.Run(1, Transfer(true, 0x1234, 1, Data));
        Assert.Equal(0x2280, failed.Status);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x000f_0001 }).Code);
        Span<byte> entry = _host.Memory.At(Page, 64);
        Assert.Equal(1, BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]));
        Assert.Equal(failed.CommandId, BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]));
        Assert.Equal(0x2280, BinaryPrimitives.ReadUInt16LittleEndian(entry[12..]) >> 1);
        Assert.Equal(0x1234UL, BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]));
    }

    [Fact]
    public void The_log_of_effects_knows_what_is_there_and_what_changes_blocks()
    {
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x03ff_0005 }).Code);
        byte[] log = _host.Memory.At(Page, 4096).ToArray();
        for (int opcode = 0; opcode < 256; opcode++)
        {
            bool admin = opcode is 0 or 1 or 2 or 4 or 5 or 6 or 8 or 9 or 10 or 12;
            Assert.Equal(admin ? 1 : 0, log[4 * opcode]);
            Assert.Equal(opcode is 1 or 8 or 9 ? 3 : opcode is 0 or 2 or 5 ? 1 : 0, log[1024 + (4 * opcode)]);
        }
    }

    [Theory]
    [InlineData(0x03ff_0004u, 0u, 0u, 0)]
    [InlineData(0x007f_0002u, 0u, 1u, 0x002)]
    [InlineData(0x007f_0002u, 0u, 0xffffffffu, 0)]
    [InlineData(0xffff_0003u, 2u, 0u, 0x002)]
    public void Logs_have_a_scope_and_a_largest_transfer(uint cdw10, uint cdw11, uint nsid, int code) =>
        Assert.Equal(code, _host.Admin(new Command { Opcode = 2, Nsid = nsid, Prp1 = Page, Cdw10 = cdw10, Cdw11 = cdw11 }).Code);

    private void Range(int index, uint blocks, ulong start)
    {
        _host.Write64(Page + (16 * (ulong)index), (ulong)blocks << 32);
        _host.Write64(Page + (16 * (ulong)index) + 8, start);
    }
}
