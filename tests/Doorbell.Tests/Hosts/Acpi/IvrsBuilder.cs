namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>IVRS's blocks.</summary>
internal static class IvrsBuilder
{
    public static TableBuilder Unit(this TableBuilder ivrs, byte type, int device, int segment, ulong address, Action<TableBuilder> entries) =>
        ivrs.Sized(2, 2, unit =>
        {
            unit.U8(type).U8(0).U16(0).U16(device).U16(0x40).U64(address).U16(segment).U16(0).U32(0);
            if (type != 0x10)
            {
                unit.U64(0x22_94ef_2225_4ade).U64(0);
            }

            entries(unit);
        });

    public static TableBuilder Memory(this TableBuilder ivrs, byte type, byte flags, int device, int last, ulong start, ulong size) =>
        ivrs.U8(type).U8(flags).U16(32).U16(device).U16(last).U64(0).U64(start).U64(size);

    /// <summary>Variety 1 is an I/O APIC, 2 an HPET.</summary>
    public static TableBuilder Special(this TableBuilder unit, byte variety, byte handle, ushort source) =>
        unit.U8(0x48).U16(0).U8(0).U8(handle).U16(source).U8(variety);

    public static TableBuilder SouthbridgeIoApic(this TableBuilder unit) => unit.Special(2, 0, 0xa0).Special(1, 0, 0xa0);
}
