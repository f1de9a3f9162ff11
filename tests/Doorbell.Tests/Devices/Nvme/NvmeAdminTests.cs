using System.Buffers.Binary;
using Doorbell.Tests.Pci;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

public class NvmeAdminTests
{
    private readonly NvmeHost _host = new();

    public NvmeAdminTests()
    {
        _host.EnableMsiX();
        _host.EnableController();
    }

    [Theory]
    [InlineData(0x7f, 0u, 0u, 0x001)]
    [InlineData(0x18, 0u, 0u, 0x001)]
    [InlineData(0x06, 0x05u, 0u, 0x002)]
    [InlineData(0x06, 0x00u, 2u, 0x00b)]
    [InlineData(0x06, 0x00u, 0xffffffffu, 0x00b)]
    [InlineData(0x06, 0x02u, 0xfffffffeu, 0x00b)]
    [InlineData(0x06, 0x03u, 0u, 0x00b)]
    [InlineData(0x02, 0x00ff0006u, 0u, 0x109)]
    [InlineData(0x09, 0x0du, 0u, 0x002)]
    [InlineData(0x09, 0x80000006u, 0u, 0x10d)]
    [InlineData(0x06, 0x14u, 0u, 0x002)]
    [InlineData(0x06, 0x10u, 0xffffffffu, 0x00b)]
    [InlineData(0x06, 0x11u, 2u, 0x00b)]
    [InlineData(0x0d, 0u, 0u, 0x001)]
    [InlineData(0x10, 0u, 0u, 0x001)]
    [InlineData(0x11, 0u, 0u, 0x001)]
    [InlineData(0x14, 0u, 0u, 0x001)]
    [InlineData(0x15, 0u, 1u, 0x001)]
    [InlineData(0x7c, 0u, 0u, 0x001)]
    [InlineData(0x80, 0u, 1u, 0x001)]
    [InlineData(0x84, 0u, 0u, 0x001)]
    [InlineData(0x0a, 0xc0u, 0u, 0x002)]
    public void A_malformed_command_is_refused_with_the_specifications_code(byte opcode, uint cdw10, uint nsid, int code)
    {
        Completion completion = _host.Admin(new Command { Opcode = opcode, Nsid = nsid, Prp1 = Page, Cdw10 = cdw10 });
        Assert.Equal(code, completion.Code);
        Assert.Equal(0x4000, completion.Status & 0x4000);
    }

    [Theory]
    [InlineData(0x40)]
    [InlineData(0x01)]
    public void SGLs_and_fused_commands_are_refused(byte flags) =>
        Assert.Equal(0x002, _host.Admin(new Command { Opcode = 6, Flags = flags, Prp1 = Page, Cdw10 = 1 }).Code);

    [Theory]
    [InlineData(0x003f_0000u, 0x0000_0003u, 0x101)] // queue 0
    [InlineData(0x003f_0009u, 0x0000_0003u, 0x101)] // beyond the last queue
    [InlineData(0x0000_0001u, 0x0000_0003u, 0x102)] // one entry
    [InlineData(0x0400_0001u, 0x0000_0003u, 0x102)] // more than CAP.MQES
    [InlineData(0x003f_0001u, 0x0000_0002u, 0x002)] // not contiguous
    [InlineData(0x003f_0001u, 0x0009_0003u, 0x108)] // a vector that does not exist
    public void A_completion_queue_that_cannot_be_is_refused(uint cdw10, uint cdw11, int code) =>
        Assert.Equal(code, _host.Admin(new Command { Opcode = 5, Prp1 = Page, Cdw10 = cdw10, Cdw11 = cdw11 }).Code);

    [Fact]
    public void Queues_are_refused_twice_misaligned_without_completion_queue_and_deleted_while_in_use()
    {
        Assert.Equal(0x013, _host.Admin(new Command { Opcode = 5, Prp1 = Page + 8, Cdw10 = 0x003f_0001, Cdw11 = 3 }).Code);
        Assert.Equal(0x100, _host.Admin(new Command { Opcode = 1, Prp1 = Page, Cdw10 = 0x003f_0001, Cdw11 = 0x0001_0001 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 1, Prp1 = Page, Cdw10 = 0x003f_0001, Cdw11 = 0x0000_0001 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 1, Prp1 = Page, Cdw10 = 0x003f_0001, Cdw11 = 0x0009_0001 }).Code);
        _host.CreateQueue(1);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 5, Prp1 = Page, Cdw10 = 0x003f_0001, Cdw11 = 3 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 1, Prp1 = Page, Cdw10 = 0x003f_0001, Cdw11 = 0x0001_0001 }).Code);
        Assert.Equal(0x10c, _host.Admin(new Command { Opcode = 4, Cdw10 = 1 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 0, Cdw10 = 2 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 0, Cdw10 = 0 }).Code);
    }

    [Fact]
    public void The_number_of_queues_cannot_change_once_there_are_some()
    {
        Assert.Equal(0x002, _host.Admin(new Command { Opcode = 9, Cdw10 = 7, Cdw11 = 0x0001_ffff }).Code);
        _host.CreateQueue(1);
        Assert.Equal(0x00c, _host.Admin(new Command { Opcode = 9, Cdw10 = 7, Cdw11 = 0x0001_0001 }).Code);
    }

    [Theory]
    [InlineData(0x01u, 0x0102_0304u)]
    [InlineData(0x06u, 0u)]
    [InlineData(0x08u, 0x0000_0a0bu)]
    [InlineData(0x09u, 0x0001_0003u)]
    [InlineData(0x0bu, 0x0000_00ffu)]
    public void A_feature_reads_back_what_was_set_until_the_controller_is_reset(uint feature, uint value)
    {
        Assert.Equal(0, _host.Admin(new Command { Opcode = 9, Cdw10 = feature, Cdw11 = value }).Code);
        Assert.Equal(value, _host.Admin(new Command { Opcode = 10, Cdw10 = feature, Cdw11 = value & 0xffff }).Result);
        _host.EnableController();
        Assert.NotEqual(value, _host.Admin(new Command { Opcode = 10, Cdw10 = feature, Cdw11 = value & 0xffff }).Result);
    }

    [Fact]
    public void Temperature_thresholds_are_kept_for_over_and_under()
    {
        Assert.Equal(343u, _host.Admin(new Command { Opcode = 10, Cdw10 = 4 }).Result);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 9, Cdw10 = 4, Cdw11 = (1u << 20) | 260 }).Code);
        Assert.Equal(260u, _host.Admin(new Command { Opcode = 10, Cdw10 = 4, Cdw11 = 1u << 20 }).Result);
        Assert.Equal(343u, _host.Admin(new Command { Opcode = 10, Cdw10 = 4 }).Result);
        Assert.Equal(0x002, _host.Admin(new Command { Opcode = 10, Cdw10 = 4, Cdw11 = 1u << 16 }).Code);
    }

    [Fact]
    public void An_asynchronous_event_request_is_held_and_the_fifth_refused()
    {
        for (int i = 0; i < 4; i++)
        {
            _host.Submit(0, new Command { Opcode = 12 });
            _host.Ring(0);
            Assert.Null(_host.Poll(0));
        }

        Assert.Equal(0x105, _host.Admin(new Command { Opcode = 12 }).Code);
    }

    [Fact]
    public void An_abort_takes_a_held_request_back_and_says_when_there_was_none()
    {
        ushort held = _host.Submit(0, new Command { Opcode = 12 });
        _host.Ring(0);
        Assert.Equal(1u, _host.Admin(new Command { Opcode = 8, Cdw10 = 0xffff_0000 }).Result);
        ushort abort = _host.Submit(0, new Command { Opcode = 8, Cdw10 = (uint)held << 16 });
        _host.Ring(0);
        Completion first = _host.Poll(0)!.Value;
        Assert.Equal((held, 0x007), (first.CommandId, first.Code));
        Completion second = _host.Poll(0)!.Value;
        Assert.Equal((abort, 0, 0u), (second.CommandId, second.Code, second.Result));
    }

    [Fact]
    public void An_invalid_doorbell_write_is_an_event_once_until_the_error_log_is_read()
    {
        _host.Function.Bar32(0, 0x1000 + (8 * 5), 1);
        ushort first = _host.Submit(0, new Command { Opcode = 12 });
        ushort second = _host.Submit(0, new Command { Opcode = 12 });
        _host.Ring(0);
        Completion completion = _host.Poll(0)!.Value;
        Assert.Equal((first, 0, 0x0001_0000u), (completion.CommandId, completion.Code, completion.Result));

        _host.CreateQueue(1);
        _host.Function.Bar32(0, 0x1008, 64);
        Assert.Null(_host.Poll(0));
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x000f_0001 }).Code);
        _host.Function.Bar32(0, 0x100c, 3);
        completion = _host.Poll(0)!.Value;
        Assert.Equal((second, 0x0001_0100u), (completion.CommandId, completion.Result));
    }

    [Fact]
    public void The_error_log_has_the_newest_error_first()
    {
        _host.Admin(new Command { Opcode = 0x7f, Id = 0x1111 });
        _host.Admin(new Command { Opcode = 0x06, Cdw10 = 0x77, Prp1 = Page, Id = 0x2222 });
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x00ff_0001 }).Code);
        Span<byte> log = _host.Memory.At(Page, 192);
        Assert.Equal(2UL, BinaryPrimitives.ReadUInt64LittleEndian(log));
        Assert.Equal(0x2222, BinaryPrimitives.ReadUInt16LittleEndian(log[10..]));
        Assert.Equal(0x6002, BinaryPrimitives.ReadUInt16LittleEndian(log[12..]) >> 1);
        Assert.Equal(1UL, BinaryPrimitives.ReadUInt64LittleEndian(log[64..]));
        Assert.Equal(0x1111, BinaryPrimitives.ReadUInt16LittleEndian(log[74..]));
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(log[128..]));
    }

    [Fact]
    public void Log_pages_are_sent_from_an_offset_and_no_further_than_they_go()
    {
        _host.Memory.At(Page, 4096).Fill(0xee);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x03ff_0003 }).Code);
        Assert.Equal((byte)1, _host.Memory.At(Page, 1)[0]);
        Assert.Equal("1.0     "u8.ToArray(), _host.Memory.At(Page + 8, 8).ToArray());
        Assert.Equal((byte)0xee, _host.Memory.At(Page + 512, 1)[0]);

        Assert.Equal(0, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x0001_0003, Cdw12 = 8 }).Code);
        Assert.Equal("1.0     "u8.ToArray(), _host.Memory.At(Page, 8).ToArray());
        Assert.Equal(0x002, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x0001_0003, Cdw12 = 516 }).Code);
        Assert.Equal(0x002, _host.Admin(new Command { Opcode = 2, Prp1 = Page, Cdw10 = 0x0001_0003, Cdw13 = 1 }).Code);
    }

    [Fact]
    public void An_admin_transfer_that_faults_is_a_data_transfer_error()
    {
        _host.Memory.MissingPage = Page;
        Assert.Equal(0x004, _host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
        Assert.Equal(1u, _host.Status);
    }

    [Fact]
    public void Identify_may_start_inside_a_page_and_go_on_in_another()
    {
        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Prp1 = Page + 0xf00, Prp2 = Page + 0x5000, Cdw10 = 1 }).Code);
        Assert.Equal("db-0"u8.ToArray(), _host.Memory.At(Page + 0xf04, 4).ToArray());
        Assert.Equal((byte)0x66, _host.Memory.At(Page + 0x5000 + 512 - 0x100, 1)[0]);
    }
}
