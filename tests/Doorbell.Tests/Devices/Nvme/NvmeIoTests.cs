using Doorbell.Devices;
using Doorbell.Tests.Pci;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

public class NvmeIoTests
{
    private const ulong Data = Base + 0x30_0000;
    private const ulong Back = Base + 0x50_0000;
    private const ulong Lists = Base + 0x70_0000;

    private readonly RecordingBackend _backend = new(new MemoryBlockBackend(64 << 20));
    private readonly NvmeHost _host;

    public NvmeIoTests()
    {
        _host = new NvmeHost(_backend);
        _host.EnableMsiX();
        _host.EnableController();
        _host.CreateQueue(1);
        Random random = new(1);
        random.NextBytes(_host.Memory.At(Data, 2 << 20));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(8, 0)]
    [InlineData(8, 0x200)]
    [InlineData(16, 0)]
    [InlineData(16, 0xffc)]
    [InlineData(1024, 0)]
    [InlineData(1024, 0x804)]
    public void What_is_written_is_read_back_through_scattered_pages(int blocks, int offset)
    {
        (ulong prp1, ulong prp2) = Scatter(Data, Lists, blocks * 512, offset, chainAt: 0);
        Assert.Equal(0, _host.Run(1, Transfer(true, 1000, blocks, prp1, prp2)).Code);
        (ulong back1, ulong back2) = Scatter(Back, Lists + 0x8000, blocks * 512, offset, chainAt: 0);
        Assert.Equal(0, _host.Run(1, Transfer(false, 1000, blocks, back1, back2)).Code);
        Assert.Equal(Gather(Data, blocks * 512, offset), Gather(Back, blocks * 512, offset));

        var stored = new byte[blocks * 512];
        Assert.Equal(BlockStatus.Done, _backend.Read(1000 * 512, stored));
        Assert.Equal(Gather(Data, blocks * 512, offset), stored);
    }

    [Theory]
    [InlineData(0xff8)]
    [InlineData(0xff0)]
    [InlineData(0xe00)]
    public void A_PRP_list_goes_on_where_its_page_ends(int listOffset)
    {
        (ulong prp1, ulong prp2) = Scatter(Data, Lists, 1024 * 512, 0, chainAt: listOffset);
        Assert.Equal(0, _host.Run(1, Transfer(true, 0, 1024, prp1, prp2)).Code);
        var stored = new byte[1024 * 512];
        Assert.Equal(BlockStatus.Done, _backend.Read(0, stored));
        Assert.Equal(Gather(Data, 1024 * 512, 0), stored);
    }

    [Fact]
    public void A_PRP_list_that_never_ends_is_refused()
    {
        _host.Write64(Lists + 0xff8, Lists + 0xff8);
        Assert.Equal(0x013, _host.Run(1, Transfer(true, 0, 64, Data, Lists + 0xff8)).Code);
    }

    [Theory]
    [InlineData(Data + 2, 0UL, 1)]
    [InlineData(Data, Data + 0x1004, 16)]
    [InlineData(Data, Lists + 4, 64)]
    public void A_PRP_that_is_not_aligned_is_refused(ulong prp1, ulong prp2, int blocks)
    {
        Assert.Equal(0x013, _host.Run(1, Transfer(true, 0, blocks, prp1, prp2)).Code);
        Assert.Equal(0, _backend.Writes);
    }

    [Fact]
    public void A_PRP_list_entry_inside_a_page_is_refused()
    {
        _host.Write64(Lists, Data + 0x1000);
        _host.Write64(Lists + 8, Data + 0x2200);
        Assert.Equal(0x013, _host.Run(1, Transfer(true, 0, 24, Data, Lists)).Code);
    }

    [Fact]
    public void A_pointer_to_the_next_PRP_list_has_no_offset()
    {
        _host.Write64(Lists + 0xff8, Lists + 0x1008);
        Assert.Equal(0x013, _host.Run(1, Transfer(true, 0, 64, Data, Lists + 0xff8)).Code);
    }

    [Fact]
    public void I10_A_write_whose_data_faults_stores_nothing_and_a_read_says_so()
    {
        _host.Memory.MissingPage = Data + 0x1000;
        Assert.Equal(0x004, _host.Run(1, Transfer(true, 0, 16, Data, Data + 0x1000)).Code);
        Assert.Equal(0, _backend.Writes);
        Assert.Equal(0x004, _host.Run(1, Transfer(false, 0, 16, Data, Data + 0x1000)).Code);
        Assert.Equal(0x004, _host.Run(1, Transfer(true, 0, 64, Data, Data + 0x1000)).Code);
        _host.Memory.MissingPage = null;
        Assert.Equal(0, _host.Run(1, Transfer(true, 0, 16, Data, Data + 0x1000)).Code);
    }

    [Fact]
    public void Blocks_beyond_the_namespace_and_transfers_beyond_MDTS_are_refused()
    {
        const ulong Blocks = (64 << 20) / 512;
        Assert.Equal(0, _host.Run(1, Transfer(true, Blocks - 1, 1, Data)).Code);
        Assert.Equal(0x080, _host.Run(1, Transfer(true, Blocks - 1, 2, Data)).Code);
        Assert.Equal(0x080, _host.Run(1, Transfer(false, Blocks, 1, Data)).Code);
        Assert.Equal(0x080, _host.Run(1, Transfer(false, ulong.MaxValue, 8, Data)).Code);
        Assert.Equal(0x002, _host.Run(1, Transfer(false, 0, 1025, Data, Lists)).Code);
    }

    [Theory]
    [InlineData(0x04, 1u, 0x001)]
    [InlineData(0x0c, 1u, 0x001)]
    [InlineData(0x7f, 1u, 0x001)]
    [InlineData(0x02, 0u, 0x00b)]
    [InlineData(0x02, 2u, 0x00b)]
    [InlineData(0x02, 0xffffffffu, 0x00b)]
    [InlineData(0x00, 0xffffffffu, 0)]
    public void Opcodes_and_namespaces_that_do_not_exist_are_refused(byte opcode, uint nsid, int code) =>
        Assert.Equal(code, _host.Run(1, new Command { Opcode = opcode, Nsid = nsid, Prp1 = Data }).Code);

    [Fact]
    public void A_medium_that_fails_is_reported_and_counted()
    {
        _backend.Answer = BlockStatus.Failed;
        Assert.Equal(0x281, _host.Run(1, Transfer(false, 0, 1, Data)).Code);
        Assert.Equal(0x280, _host.Run(1, Transfer(true, 0, 1, Data)).Code);
        Assert.Equal(0x280, _host.Run(1, new Command { Opcode = 0, Nsid = 1 }).Code);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x007f_0002 }).Code);
        Assert.Equal(3, _host.Memory.At(Page + 160, 1)[0]);
        Assert.Equal(3, _host.Memory.At(Page + 176, 1)[0]);
    }

    [Fact]
    public void Write_zeroes_covers_its_blocks_and_no_others()
    {
        Assert.Equal(0, _host.Run(1, Transfer(true, 0, 8, Data)).Code);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 8, Nsid = 1, Cdw10 = 2, Cdw12 = 3 }).Code);
        Assert.Equal(0, _host.Run(1, Transfer(false, 0, 8, Back)).Code);
        byte[] expected = _host.Memory.At(Data, 4096).ToArray();
        expected.AsSpan(1024, 2048).Clear();
        Assert.Equal(expected, _host.Memory.At(Back, 4096).ToArray());
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 8, Nsid = 1, Cdw10 = 0, Cdw12 = 0xffff }).Code);
        Assert.Equal(0x080, _host.Run(1, new Command { Opcode = 8, Nsid = 1, Cdw10 = 0x1fff0, Cdw12 = 0xffff }).Code);
    }

    [Fact]
    public void Flush_and_forced_writes_reach_the_backend_and_so_does_every_write_without_a_cache()
    {
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 0, Nsid = 1 }).Code);
        Assert.Equal(1, _backend.Flushes);
        _host.Run(1, Transfer(true, 0, 1, Data));
        Assert.Equal(1, _backend.Flushes);
        _host.Run(1, new Command { Opcode = 1, Nsid = 1, Prp1 = Data, Cdw12 = 1u << 30 });
        Assert.Equal(2, _backend.Flushes);
        _host.Admin(new Command { Opcode = 9, Cdw10 = 6, Cdw11 = 0 });
        Assert.Equal(3, _backend.Flushes);
        _host.Run(1, Transfer(true, 0, 1, Data));
        Assert.Equal(4, _backend.Flushes);
    }

    [Fact]
    public void Dataset_management_checks_its_ranges()
    {
        _host.Memory.At(Page, 32).Clear();
        _host.Write64(Page, 8UL << 32);
        _host.Write64(Page + 8, 100);
        _host.Write64(Page + 16, 8UL << 32);
        _host.Write64(Page + 24, 0x1fff9);
        Assert.Equal(0, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 0, Cdw11 = 4 }).Code);
        Assert.Equal(0x080, _host.Run(1, new Command { Opcode = 9, Nsid = 1, Prp1 = Page, Cdw10 = 1, Cdw11 = 4 }).Code);
    }

    [Fact]
    public void Queues_wrap_and_phase_tags_turn()
    {
        _host.CreateQueue(2, entries: 5, completionEntries: 3);
        for (int i = 0; i < 50; i++)
        {
            Completion completion = _host.Run(2, Transfer(true, (ulong)i, 1, Data + (512 * (ulong)i)));
            Assert.Equal((0, 2), (completion.Code, completion.SubmissionId));
            Assert.Equal((i + 1) % 5, completion.SubmissionHead);
        }

        var stored = new byte[50 * 512];
        Assert.Equal(BlockStatus.Done, _backend.Read(0, stored));
        Assert.Equal(_host.Memory.At(Data, 50 * 512).ToArray(), stored);
    }

    [Fact]
    public void Commands_wait_while_the_completion_queue_is_full_and_go_on_when_there_is_room()
    {
        _host.CreateQueue(2, entries: 64, completionEntries: 4);
        for (int i = 0; i < 60; i++)
        {
            _host.Submit(2, Transfer(true, (ulong)i, 1, Data));
        }

        _host.Ring(2);
        Assert.Equal(3, _backend.Writes);
        int done = 0;
        while (_host.Poll(2) is { } completion)
        {
            Assert.Equal(0, completion.Code);
            done++;
        }

        Assert.Equal((60, 60), (done, _backend.Writes));
    }

    [Fact]
    public void A_batch_of_commands_interrupts_once_its_completions_are_there()
    {
        for (int i = 0; i < 40; i++)
        {
            _host.Submit(1, Transfer(false, (ulong)i, 1, Back));
        }

        _host.Memory.Forget();
        _host.Ring(1);
        Assert.Equal([(0x1000UL, 0x101u)], _host.Memory.Msis);
        for (int i = 0; i < 40; i++)
        {
            Assert.NotNull(_host.Poll(1, ring: false));
        }

        _host.RingHead(1);
    }

    [Fact]
    public void Blocks_of_4096_bytes_work_as_well()
    {
        var host = new NvmeHost(new MemoryBlockBackend((1 << 20) + 512), blockSize: 4096);
        host.EnableMsiX();
        host.EnableController();
        host.CreateQueue(1);
        host.Memory.At(Data, 8192).Fill(0x5a);
        Assert.Equal(0, host.Run(1, Transfer(true, 254, 2, Data, Data + 0x1000)).Code);
        Assert.Equal(0x080, host.Run(1, Transfer(true, 255, 2, Data, Data + 0x1000)).Code);
        Assert.Equal(0, host.Run(1, Transfer(false, 255, 1, Back)).Code);
        Assert.Equal(host.Memory.At(Data, 4096).ToArray(), host.Memory.At(Back, 4096).ToArray());
    }

    [Fact]
    public void Larger_memory_pages_are_used_where_the_host_asks_for_them()
    {
        _host.Function.Bar32(0, 0x14, 0);
        _host.Function.Bar64(0, 0x28, Base + 0x1_0000);
        _host.Function.Bar64(0, 0x30, Base + 0x2_0000);
        _host.Function.Bar32(0, 0x14, 0x0046_0001 | (4 << 7));
        Assert.Equal(1u, _host.Status);
    }

    [Fact]
    public void Steady_transfers_allocate_nothing()
    {
        _host.Memory.RecordMsis = false;
        (ulong prp1, ulong prp2) = Scatter(Data, Lists, 64 * 512, 0, chainAt: 0);
        Command command = Transfer(true, 0, 64, prp1, prp2);
        Assert.Equal(0, _host.Run(1, command).Code);
        Cycle(command, 50);
        int attempts = Allocations.None(() => Cycle(command, 200));
        Assert.Equal(51 + (200 * attempts), _backend.Writes);
    }

    private void Cycle(Command command, int times)
    {
        for (int i = 0; i < times; i++)
        {
            _host.Submit(1, command);
            _host.Ring(1);
            _host.Poll(1);
        }
    }

    /// <summary>Lays a transfer out over every second page from <paramref name="start"/>, first page at an offset.</summary>
    private (ulong Prp1, ulong Prp2) Scatter(ulong start, ulong list, int length, int offset, int chainAt)
    {
        var pages = new List<ulong>();
        for (int done = 0, within = offset; done < length; done += 4096 - within, within = 0)
        {
            pages.Add(start + ((ulong)pages.Count * 0x2000));
        }

        if (pages.Count <= 2)
        {
            return (pages[0] + (ulong)offset, pages.Count == 2 ? pages[1] : 0);
        }

        ulong at = list + (ulong)chainAt;
        ulong prp2 = at;
        for (int i = 1; i < pages.Count; i++)
        {
            if ((at & 0xfff) == 0xff8 && i < pages.Count - 1)
            {
                ulong next = (at & ~0xfffUL) + 0x1000;
                _host.Write64(at, next);
                at = next;
            }

            _host.Write64(at, pages[i]);
            at += 8;
        }

        return (pages[0] + (ulong)offset, prp2);
    }

    private byte[] Gather(ulong start, int length, int offset)
    {
        var bytes = new byte[length];
        for (int done = 0, within = offset, page = 0; done < length; page++, within = 0)
        {
            int count = Math.Min(4096 - within, length - done);
            _host.Memory.At(start + ((ulong)page * 0x2000) + (ulong)within, count).CopyTo(bytes.AsSpan(done));
            done += count;
        }

        return bytes;
    }
}
