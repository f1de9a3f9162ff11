using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

public class PciConfigSpaceTests
{
    [Fact]
    public void Software_changes_only_the_bits_that_are_writable()
    {
        var config = new PciConfigSpace(256);
        config.Define32(0x40, 0xaaaa_5555);
        config.DefineWritable32(0x40, 0x00ff_ff00);
        config.Write(0x40, [0x12, 0x34, 0x56, 0x78]);
        Assert.Equal(0xaa56_3455u, config.Read32(0x40));
    }

    [Fact]
    public void A_one_clears_a_status_bit_and_a_zero_leaves_it()
    {
        var config = new PciConfigSpace(256);
        config.DefineWriteOneToClear16(PciHeader.Status, (ushort)PciStatus.WriteOneToClear);
        config.Set16(PciHeader.Status, 0xf910);
        config.Write(PciHeader.Status, [0xff, 0x40]);
        Assert.Equal(0xb910, config.Read16(PciHeader.Status));
    }

    [Fact]
    public void What_lies_past_the_end_reads_as_ones_and_takes_no_writes()
    {
        var config = new PciConfigSpace(256);
        Span<byte> bytes = stackalloc byte[4];
        config.Read(254, bytes);
        Assert.Equal([0, 0, 0xff, 0xff], bytes.ToArray());
        config.Read(4096, bytes);
        Assert.Equal([0xff, 0xff, 0xff, 0xff], bytes.ToArray());
        config.Write(254, [1, 2, 3, 4]);
        config.Write(-2, [1, 2, 3, 4]);
    }

    [Fact]
    public void A_reset_brings_back_what_was_defined_and_drops_what_was_set()
    {
        var config = new PciConfigSpace(256);
        config.Define16(0x50, 0x1111);
        config.Set16(0x52, 0x2222);
        config.Set16(0x50, 0x3333);
        config.Reset();
        Assert.Equal(0x1111, config.Read16(0x50));
        Assert.Equal(0, config.Read16(0x52));
    }

    [Fact]
    public void Capabilities_are_chained_in_the_order_they_were_added()
    {
        var config = new PciConfigSpace(4096);
        Assert.Equal(0, config.FindCapability(PciCapabilityId.Msi));
        int first = config.AddCapability(PciCapabilityId.PowerManagement, 8);
        int second = config.AddCapability(PciCapabilityId.Msi, 0x0e);
        int third = config.AddCapability(PciCapabilityId.PciExpress, 0x3c);
        Assert.Equal([first, second, third], config.Capabilities());
        Assert.Equal((0x40, 0x48, 0x58), (first, second, third));
        Assert.Equal(second, config.FindCapability(PciCapabilityId.Msi));
        Assert.Equal(0x10, config.Read16(PciHeader.Status) & 0x10);

        int acs = config.AddExtendedCapability(PciExtendedCapabilityId.AccessControlServices, 1, 8);
        int next = config.AddExtendedCapability(0x0003, 1, 12);
        Assert.Equal((0x100, 0x108), (acs, next));
        Assert.Equal(0x1081_000du, config.Read32(0x100));
        Assert.Equal(next, config.FindExtendedCapability(0x0003));
    }

    [Fact]
    public void A_capability_list_that_loops_ends()
    {
        var bytes = new byte[4096];
        bytes[PciHeader.Status] = 0x10;
        bytes[PciHeader.CapabilitiesPointer] = 0x40;
        bytes[0x40] = 0x09;
        bytes[0x41] = 0x40;
        bytes[0x100] = 0x0b;
        bytes[0x103] = 0x10;
        var config = new PciConfigSpace(bytes);
        Assert.Equal(0, config.FindCapability(PciCapabilityId.MsiX));
        Assert.Equal(0, config.FindExtendedCapability(0x0001));
        Assert.True(config.Capabilities().Count() < 64);
    }

    [Fact]
    public void A_capability_that_does_not_fit_is_a_bug()
    {
        var config = new PciConfigSpace(256);
        Assert.Throws<InvalidOperationException>(() => config.AddCapability(0x09, 0xc4));
        Assert.Throws<InvalidOperationException>(() => config.AddExtendedCapability(0x0b, 1, 8));
    }
}
