using System.Buffers.Binary;
using System.Text;
using Doorbell.Devices;
using Doorbell.Pci;
using Doorbell.Tests.Pci;
using static Doorbell.Tests.Devices.NvmeHost;

namespace Doorbell.Tests.Devices;

public class NvmeControllerTests
{
    private readonly NvmeHost _host = new();

    [Fact]
    public void It_is_an_NVMe_controller_whose_MSI_X_structures_share_no_page_with_registers()
    {
        Assert.Equal(0x01_0802u, _host.Function.Config32(PciHeader.RevisionId) >> 8);
        Assert.Equal(9, _host.Function.MsiX!.VectorCount);
        Assert.Equal((4, 4), (_host.Function.MsiX.TableBar, _host.Function.MsiX.PbaBar));
        Assert.Equal((0x4000UL, 0x2000UL), (_host.Function.Bars[0]!.Size, _host.Function.Bars[4]!.Size));
        Assert.Equal(0x0001_0400u, _host.Function.Bar32(0, 8));
        ulong capabilities = _host.Function.Bar64(0, 0);
        Assert.Equal(1023u, capabilities & 0xffff);
        Assert.Equal(0u, (capabilities >> 32) & 0xf);
        Assert.Equal(1u, (capabilities >> 37) & 0xff);
        Assert.Equal(0x40u, (capabilities >> 48) & 0xff);
    }

    [Fact]
    public void A_driver_brings_it_up_as_Linux_does()
    {
        _host.EnableMsiX();
        _host.EnableController();

        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
        Span<byte> controller = _host.Memory.At(Page, 4096);
        Assert.Equal("db-0000:01:00.0     ", Encoding.ASCII.GetString(controller.Slice(4, 20)));
        Assert.Equal(7, controller[77]);
        Assert.Equal((0x66, 0x44), (controller[512], controller[513]));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(controller[516..]));
        Assert.StartsWith("nqn.2014-08.org.nvmexpress:uuid:", Encoding.ASCII.GetString(controller.Slice(768, 256)), StringComparison.Ordinal);

        Completion queues = _host.Admin(new Command { Opcode = 9, Cdw10 = 7, Cdw11 = 0x0003_0003 });
        Assert.Equal((0, 0x0007_0007u), (queues.Code, queues.Result));

        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 2 }).Code);
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(_host.Memory.At(Page, 4)));
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(_host.Memory.At(Page + 4, 4)));

        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Nsid = 1, Prp1 = Page, Cdw10 = 3 }).Code);
        Assert.Equal((1, 8), (_host.Memory.At(Page, 2)[0], _host.Memory.At(Page, 2)[1]));

        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Nsid = 1, Prp1 = Page, Cdw10 = 0 }).Code);
        Assert.Equal((64UL << 20) / 512, BinaryPrimitives.ReadUInt64LittleEndian(_host.Memory.At(Page, 8)));
        Assert.Equal(9, _host.Memory.At(Page + 130, 1)[0]);

        for (int i = 1; i <= 8; i++)
        {
            _host.CreateQueue(i);
        }

        Assert.All(_host.Memory.Msis, msi => Assert.Equal((0x1000UL, 0x100u), msi));
        Assert.Equal(0, _host.Run(8, new Command { Opcode = 0, Nsid = 1 }).Code);
        Assert.Equal(0x108u, _host.Memory.Msis[^1].Data);

        Assert.Equal(0, _host.Admin(new Command { Opcode = 0, Cdw10 = 8 }).Code);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 4, Cdw10 = 8 }).Code);
        Assert.Equal(0x101, _host.Admin(new Command { Opcode = 4, Cdw10 = 8 }).Code);
    }

    [Theory]
    [InlineData(0x0046_0281u, 0x001f_001fu, 0x1_0000_1000UL)]
    [InlineData(0x0046_0011u, 0x001f_001fu, 0x1_0000_1000UL)]
    [InlineData(0x0046_0801u, 0x001f_001fu, 0x1_0000_1000UL)]
    [InlineData(0x0046_0001u, 0x001f_0000u, 0x1_0000_1000UL)]
    [InlineData(0x0046_0081u, 0x001f_001fu, 0x1_0000_1000UL)]
    public void A_configuration_that_CAP_does_not_offer_is_fatal_until_the_controller_is_reset(uint configuration, uint attributes, ulong submission)
    {
        _host.Function.Bar32(0, 0x24, attributes);
        _host.Function.Bar64(0, 0x28, submission);
        _host.Function.Bar64(0, 0x30, AdminCompletion);
        _host.Function.Bar32(0, 0x14, configuration);
        Assert.Equal(2u, _host.Status);
        Assert.Single(_host.Seen.OfType<NvmeControllerFatal>());
        _host.Function.Bar32(0, 0x14, 0);
        Assert.Equal(0u, _host.Status);
        _host.EnableController();
    }

    [Fact]
    public void A_shutdown_flushes_and_says_when_it_is_complete()
    {
        _host.EnableController();
        _host.Function.Bar32(0, 0x14, 0x0046_4001);
        Assert.Equal(0x9u, _host.Status);
        _host.Function.Bar32(0, 0x14, 0);
        Assert.Equal(0u, _host.Status);
    }

    [Fact]
    public void A_queue_that_cannot_be_read_is_fatal_and_a_reset_revives_the_controller()
    {
        _host.EnableController();
        _host.Memory.MissingPage = AdminSubmission;
        _host.Submit(0, new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 });
        _host.Ring(0);
        Assert.Equal(3u, _host.Status);
        Assert.Null(_host.Poll(0));
        _host.Memory.MissingPage = null;
        _host.Ring(0);
        Assert.Null(_host.Poll(0));
        _host.EnableController();
        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
    }

    [Fact]
    public void A_completion_queue_that_cannot_be_written_is_fatal()
    {
        _host.EnableController();
        _host.Memory.ReadOnlyPage = AdminCompletion;
        _host.Submit(0, new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 });
        _host.Ring(0);
        Assert.Equal(3u, _host.Status);
    }

    [Fact]
    public void Without_bus_mastering_it_touches_no_memory()
    {
        _host.EnableController();
        _host.Function.SetCommand(PciCommand.MemorySpace);
        int reads = _host.Memory.Reads;
        _host.Submit(0, new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 });
        _host.Ring(0);
        Assert.Equal((reads, 0), (_host.Memory.Reads, _host.Memory.Writes));
        Assert.Equal(3u, _host.Status);
        Assert.NotEmpty(_host.Seen.OfType<PciTransactionRefused>());
    }

    [Fact]
    public void A_function_level_reset_clears_every_register()
    {
        _host.EnableController();
        _host.Function.ResetFunction();
        _host.Function.Enable();
        foreach (ulong register in new ulong[] { 0x0c, 0x14, 0x1c, 0x24, 0x28, 0x2c, 0x30, 0x34 })
        {
            Assert.Equal(0u, _host.Function.Bar32(0, register));
        }

        _host.EnableController();
    }

    [Fact]
    public void INTx_stays_asserted_until_the_host_has_consumed_what_was_completed_and_INTMS_masks_it()
    {
        _host.EnableController();
        _host.Submit(0, new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 });
        _host.Ring(0);
        Assert.True(_host.Function.IsIntxAsserted);
        _host.Function.Bar32(0, 0x0c, 1);
        Assert.False(_host.Function.IsIntxAsserted);
        Assert.Equal(1u, _host.Function.Bar32(0, 0x10));
        _host.Function.Bar32(0, 0x10, 1);
        Assert.True(_host.Function.IsIntxAsserted);
        Assert.NotNull(_host.Poll(0));
        Assert.False(_host.Function.IsIntxAsserted);
        Assert.Equal(0, _host.Memory.MsiCount);
    }

    [Fact]
    public void A_masked_vector_is_sent_when_it_is_unmasked()
    {
        _host.EnableMsiX();
        _host.EnableController();
        _host.Function.MsiX!.SetMask(0, true);
        Assert.Equal(0, _host.Admin(new Command { Opcode = 6, Prp1 = Page, Cdw10 = 1 }).Code);
        Assert.Equal(0, _host.Memory.MsiCount);
        _host.Function.MsiX.SetMask(0, false);
        Assert.Equal(1, _host.Memory.MsiCount);
    }

    [Fact]
    public void Accesses_that_are_no_whole_words_change_nothing()
    {
        _host.Function.WriteBar(0, 0x24, [0x1f, 0x00]);
        _host.Function.WriteBar(0, 0x26, [0x1f]);
        Assert.Equal(0u, _host.Function.Bar32(0, 0x24));
        var two = new byte[2];
        _host.Function.ReadBar(0, 0x0a, two);
        Assert.Equal([1, 0], two);
    }

    [Fact]
    public void The_most_queues_there_can_be_fit_registers_and_vectors()
    {
        var host = new NvmeHost(queuePairs: NvmeDevice.MaxQueuePairs);
        host.EnableMsiX();
        host.EnableController();
        Assert.Equal(0x01fe_01feu, host.Admin(new Command { Opcode = 10, Cdw10 = 7 }).Result);
        host.Function.Bar32(0, 0x1ffc, 0);
        Assert.Equal(512, host.Function.MsiX!.VectorCount);
    }
}
