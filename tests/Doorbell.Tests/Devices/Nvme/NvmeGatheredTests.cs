using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

/// <summary>Small reads that are queued together go to the host together, and nothing of it shows but the time.</summary>
public class NvmeGatheredTests
{
    private const ulong Data = Base + 0x30_0000;
    private const int DataTransferError = 0x004;
    private const int More = 0x2000;

    private readonly NvmeHost _host = new();

    public NvmeGatheredTests()
    {
        _host.EnableMsiX();
        _host.EnableController();
        _host.CreateQueue(1);
        for (int block = 0; block < 64; block++)
        {
            _host.Memory.At(Data, 4096).Fill((byte)(block + 1));
            Assert.Equal(0, _host.Run(1, Transfer(true, (ulong)block * 8, 8, Data)).Code);
        }
    }

    [Fact]
    public void Each_read_of_a_full_queue_gets_its_own_data_in_order()
    {
        ushort[] ids = [.. Enumerable.Range(0, 60).Select(i => _host.Submit(1, Transfer(false, (ulong)(63 - i) * 8, 8, Page(i))))];
        _host.Ring(1);
        Assert.All(ids, id =>
        {
            Completion completion = _host.Poll(1, ring: false)!.Value;
            Assert.Equal((id, 0), (completion.CommandId, completion.Code));
        });
        Assert.All(Enumerable.Range(0, 60), i => Assert.Equal(((byte)(64 - i), (byte)(64 - i)), (_host.Memory.At(Page(i), 4096)[0], _host.Memory.At(Page(i), 4096)[4095])));
    }

    [Fact]
    public void They_interrupt_once()
    {
        _host.Memory.Forget();
        for (int i = 0; i < 20; i++)
        {
            _host.Submit(1, Transfer(false, 0, 8, Page(i)));
        }

        _host.Ring(1);
        Assert.Single(_host.Memory.Msis);
    }

    [Fact]
    public void A_read_sees_what_a_write_before_it_wrote_and_completes_where_it_stands_among_other_commands()
    {
        _host.Memory.At(Data, 4096).Fill(0xee);
        ushort[] ids =
        [
            _host.Submit(1, Transfer(false, 0, 8, Page(0))),
            _host.Submit(1, Transfer(true, 0, 8, Data)),
            _host.Submit(1, Transfer(false, 0, 8, Page(1))),
            _host.Submit(1, Transfer(false, 0, 1024, Page(2), Base + 0x70_0000)), // 512 KiB and a list of nothing
            _host.Submit(1, Transfer(false, 1 << 30, 8, Page(3))), // no such block
            _host.Submit(1, Transfer(false, 8, 8, Page(4))),
        ];
        _host.Ring(1);
        Completion[] completions = [.. ids.Select(_ => _host.Poll(1, ring: false)!.Value)];
        Assert.Equal(ids, completions.Select(static completion => completion.CommandId));
        Assert.Equal((0, 0, 0), (completions[0].Code, completions[1].Code, completions[2].Code));
        Assert.Equal(0x080, completions[4].Code); // LBA Out of Range
        Assert.Equal(0, completions[5].Code);
        Assert.Equal((1, 0xee, 2), (_host.Memory.At(Page(0), 1)[0], _host.Memory.At(Page(1), 1)[0], _host.Memory.At(Page(4), 1)[0]));
    }

    [Fact]
    public void One_whose_memory_is_not_there_fails_alone()
    {
        _host.Memory.MissingPage = Page(3);
        for (int i = 0; i < 8; i++)
        {
            _host.Submit(1, Transfer(false, (ulong)i * 8, 8, Page(i)));
        }

        _host.Ring(1);
        Completion[] completions = [.. Enumerable.Range(0, 8).Select(_ => _host.Poll(1, ring: false)!.Value)];
        Assert.Equal([0, 0, 0, DataTransferError, 0, 0, 0, 0], completions.Select(static completion => completion.Code & 0x7ff));
        Assert.NotEqual(0, completions[3].Status & More);
        Assert.Equal((3, 5), (_host.Memory.At(Page(2), 1)[0], _host.Memory.At(Page(4), 1)[0]));
    }

    [Fact]
    public void A_completion_queue_that_is_too_small_for_them_holds_the_rest_back()
    {
        _host.CreateQueue(2, entries: 64, completionEntries: 8);
        for (int i = 0; i < 20; i++)
        {
            _host.Submit(2, Transfer(false, (ulong)i * 8, 8, Page(i)));
        }

        _host.Ring(2);
        int completed = 0;
        for (int round = 0; round < 20 && completed < 20; round++)
        {
            int now = 0;
            while (_host.Poll(2, ring: false) is { } completion)
            {
                Assert.Equal(0, completion.Code);
                now++;
            }

            Assert.InRange(now, 1, 7);
            completed += now;
            _host.RingHead(2);
        }

        Assert.Equal(20, completed);
        Assert.Equal(20, _host.Memory.At(Page(19), 1)[0]);
    }

    private static ulong Page(int index) => Base + 0x40_0000 + ((ulong)index * 4096);
}
