using Doorbell.Pci;

namespace Doorbell.Tests.Pci;

/// <summary>The copy of an entry that the data path reads.</summary>
public class MsiXSlotTests
{
    [Fact]
    public void N1_A_reader_never_sees_half_of_a_message()
    {
        // Unmasked all the time, as a client that writes its own table may do it: address and data name the same version.
        MsiXSlot slot = default;
        bool stop = false;
        int torn = 0, read = 0;
        var reader = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                if (slot.TryRead(out ulong address, out uint data) && address != 0)
                {
                    read++;
                    torn += (uint)(address >> 32) == data && (uint)address == data << 2 ? 0 : 1;
                }
            }
        });
        reader.Start();
        for (uint i = 1; i < 300_000 || Volatile.Read(ref read) == 0; i++)
        {
            uint version = i & 0xff_ffff;
            slot.Write(new MsiXEntry(version << 2, version, version, Masked: false));
        }

        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0, torn);
    }

    [Fact]
    public void A_masked_entry_is_not_sent_and_a_written_one_forgets_the_controller_s_note()
    {
        MsiXSlot slot = default;
        slot.Write(new MsiXEntry(0x40, 1, 7, Masked: false));
        slot.Hint.Value = 8200;
        Assert.True(slot.TryRead(out ulong address, out uint data));
        Assert.Equal((0x1_0000_0040ul, 7u), (address, data));
        slot.Write(new MsiXEntry(0x40, 1, 8, Masked: true));
        Assert.False(slot.TryRead(out _, out _));
        Assert.Equal(0u, slot.Hint.Value);
    }
}
