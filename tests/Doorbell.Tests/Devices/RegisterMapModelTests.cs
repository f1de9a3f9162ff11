using Doorbell.Devices;
using Doorbell.Pci;
using Doorbell.Tests.Pci;

namespace Doorbell.Tests.Devices;

public class RegisterMapModelTests
{
    private readonly Sample _device = new(vectors: 3);
    private readonly PciFunction _function;

    public RegisterMapModelTests()
    {
        _function = new PciFunction(default, _device);
        _function.Enable();
    }

    [Fact]
    public void Its_BARs_follow_from_its_registers_and_vectors()
    {
        Assert.Equal((4096UL, 8192UL), (_function.Bars[0]!.Size, _function.Bars[2]!.Size));
        Assert.Equal((3, 2), (_function.MsiX!.VectorCount, _function.MsiX.TableBar));
        var plain = new PciFunction(default, new Sample(vectors: 0));
        Assert.Null(plain.MsiX);
        Assert.Null(plain.Bars[2]);
    }

    [Fact]
    public void A_register_does_what_was_said_of_it_and_no_more()
    {
        _function.Bar32(0, 0x00, 0xffff_ffff);
        _function.Bar32(0, 0x08, 0xffff_ffff);
        _function.Bar32(0, 0x0c, 5);
        _function.Bar32(0, 0x10, 5);
        Assert.Equal([0xffu, 0u, 42u, 0u, 0u], Enumerable.Range(0, 5).Select(i => _function.Bar32(0, 4 * (ulong)i)));
        Assert.Equal([0xffu, 5u], _device.Seen);
        Assert.Equal(0u, _function.Bar32(0, 0xffc));
    }

    [Fact]
    public void A_byte_is_written_without_touching_the_others_and_the_device_sees_the_whole()
    {
        _function.WriteBar(0, 0x14, [1, 2, 3, 4, 5]);
        _function.WriteBar(0, 0x15, [9]);
        Assert.Equal(0x0000_0005_0403_0901UL, _device.Address);
        _function.WriteBar(0, 0x01, [0xee]);
        Assert.Equal([0u], _device.Seen);
    }

    [Fact]
    public void A_reset_clears_every_register()
    {
        _function.Bar32(0, 0x00, 7);
        _function.Bar32(0, 0x14, 7);
        _function.ResetFunction();
        _function.Enable();
        Assert.Equal((0u, 0u), (_function.Bar32(0, 0x00), _function.Bar32(0, 0x14)));
    }

    private enum Register : uint
    {
        Kept = 0x00,
        Shown = 0x08,
        Done = 0x0c,
        Untold = 0x10,
        AddressLow = 0x14,
        AddressHigh = 0x18,
    }

    private sealed class Sample : RegisterMapModel<Register>
    {
        public Sample(int vectors)
            : base("sample", vectors, new PciDeviceDescription { VendorId = 0x1234, DeviceId = 1, ClassCode = 0xff0000 })
        {
            Stores(Register.Kept, mask: 0xff, Seen.Add);
            Shows(Register.Shown, () => 42);
            Does(Register.Done, Seen.Add);
            Stores(Register.AddressLow);
            Stores(Register.AddressHigh);
        }

        public List<uint> Seen { get; } = [];

        public ulong Address => Wide(Register.AddressLow);
    }
}
