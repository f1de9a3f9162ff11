using Doorbell.Pci;
using Doorbell.Tests.Pci;

namespace Doorbell.Tests.Devices;

/// <summary>A driver that maps the doorbells, and one that maps the registers too.</summary>
public class NvmeMappingTests
{
    private const ulong Doorbells = 0x1000;
    private const ulong Configuration = 0x14;
    private const ulong Status = 0x1c;

    private readonly NvmeHost _host = new();
    private readonly ArraySharedMemory _memory = new();

    public NvmeMappingTests() => _host.EnableMsiX();

    [Fact]
    public void The_doorbells_are_offered_and_nothing_else_is()
    {
        PciMappableRange offered = Assert.Single(_host.Device.MappableRanges, static range => range.IsOffered);
        Assert.Equal(new PciMappableRange(0, Doorbells, 0x1000), offered);
        Assert.Equal(0x4000ul, _host.Device.MappableRanges.Aggregate(0ul, static (sum, range) => sum + range.Length));
    }

    [Fact]
    public void A_command_announced_by_a_store_is_carried_out_at_the_next_look()
    {
        _host.EnableController();
        _host.CreateQueue(1);
        Map(registers: false);

        ushort id = _host.Submit(1, NvmeHost.Transfer(write: false, 0, 8, NvmeHost.Page));
        _memory[Doorbells + 8] = 1;
        Assert.Null(_host.Poll(1, ring: false));

        Assert.True(_host.Function.Poll());
        Assert.Equal(id, _host.Poll(1, ring: false)!.Value.CommandId);
        _memory[Doorbells + 12] = 1;
        Assert.True(_host.Function.Poll());
        Assert.False(_host.Function.Poll());
    }

    [Fact]
    public void Trapped_and_mapped_doorbells_can_be_mixed()
    {
        _host.EnableController();
        _host.CreateQueue(1);
        Map(registers: false);

        Assert.Equal(0, _host.Run(1, NvmeHost.Transfer(write: false, 0, 8, NvmeHost.Page)).Code);
        Assert.Equal((1u, 1u), (_memory[Doorbells + 8], _memory[Doorbells + 12]));
        Assert.False(_host.Function.Poll());

        _host.Submit(1, NvmeHost.Transfer(write: false, 0, 8, NvmeHost.Page));
        _memory[Doorbells + 8] = 2;
        _host.Function.Poll();
        Assert.NotNull(_host.Poll(1));
    }

    [Fact]
    public void A_new_queues_doorbells_begin_at_zero_whatever_the_last_ones_were()
    {
        _host.EnableController();
        _host.CreateQueue(1);
        Map(registers: false);
        _host.Submit(1, NvmeHost.Transfer(write: false, 0, 8, NvmeHost.Page));
        _memory[Doorbells + 8] = 1;
        _host.Function.Poll();
        Assert.NotNull(_host.Poll(1));

        // The same tail again: had the old one stayed, this would be no change.
        _host.EnableController();
        _host.CreateQueue(1);
        Assert.Equal((0u, 0u), (_memory[Doorbells + 8], _memory[Doorbells + 12]));
        _host.Submit(1, NvmeHost.Transfer(write: false, 0, 8, NvmeHost.Page));
        _memory[Doorbells + 8] = 1;
        _host.Function.Poll();
        Assert.NotNull(_host.Poll(1));
    }

    [Fact]
    public void A_queue_made_by_a_command_of_the_same_look_is_not_rung_with_an_old_value()
    {
        _host.EnableController();
        Map(registers: false);
        _memory[Doorbells + 8] = 5; // of no queue: an error the host may ask for
        _host.Function.Poll();

        _host.Submit(0, new NvmeHost.Command { Opcode = 5, Prp1 = NvmeHost.Page, Cdw10 = 1 | (7 << 16), Cdw11 = 1 });
        _host.Submit(0, new NvmeHost.Command { Opcode = 1, Prp1 = NvmeHost.Page + 0x1000, Cdw10 = 1 | (7 << 16), Cdw11 = 1 | (1 << 16) });
        _memory[Doorbells + 8] = 6;
        _memory[Doorbells] = 2;
        _host.Function.Poll();
        Assert.Equal(0, _host.Poll(0)!.Value.Code);
        Assert.Equal(0, _host.Poll(0)!.Value.Code);
        Assert.False(_host.Function.Poll());
        Assert.Equal((0u, 1u), (_memory[Doorbells + 8], _host.Status));
    }

    [Fact]
    public void A_driver_that_maps_the_registers_enables_the_controller_by_stores_alone()
    {
        Map(registers: true);
        Assert.Equal((0x0001_0400u, 0u), (_memory[8], _memory[Status]));

        // All of it between two looks: CC counts last.
        _memory[Configuration] = 0x0046_0001;
        _memory[0x24] = 31 | (31 << 16);
        _memory[0x28] = unchecked((uint)NvmeHost.AdminSubmission);
        _memory[0x2c] = (uint)(NvmeHost.AdminSubmission >> 32);
        _memory[0x30] = unchecked((uint)NvmeHost.AdminCompletion);
        _memory[0x34] = (uint)(NvmeHost.AdminCompletion >> 32);
        Assert.True(_host.Function.Poll());
        Assert.Equal(1u, _memory[Status]);
        Assert.False(_host.Function.Poll());

        _memory[Configuration] = 0x0046_0000;
        _host.Function.Poll();
        Assert.Equal(0u, _memory[Status]);
    }

    [Fact]
    public void Mapped_registers_follow_trapped_writes_and_keep_no_bit_that_is_not_there()
    {
        Map(registers: true);
        _host.EnableController();
        _host.Function.Synchronize();
        Assert.Equal((0x0046_0001u, 1u), (_memory[Configuration], _memory[Status]));

        _memory[8] = 0; // VS is read-only
        _memory[0x24] = uint.MaxValue;
        _host.Function.Poll();
        Assert.Equal((0x0001_0400u, 0x0fff_0fffu), (_memory[8], _memory[0x24]));
    }

    [Fact]
    public void A_look_allocates_nothing()
    {
        _host.EnableController();
        Map(registers: true);
        Allocations.None(() => _host.Function.Poll());
    }

    private void Map(bool registers)
    {
        foreach (PciMappableRange range in _host.Device.MappableRanges.Where(range => range.IsOffered || registers))
        {
            _host.Function.Map(range, _memory);
        }
    }
}
