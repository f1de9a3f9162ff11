using System.Buffers.Binary;

namespace Doorbell.Gic;

/// <summary>A command as the 32 bytes of a queue entry (IHI 0069, 5.3): four little-endian doublewords.</summary>
internal static class ItsCommandEncoding
{
    public const int Size = 32;

    private const ulong IcidMask = 0xffff;
    private const int TargetShift = 16;
    private const ulong TargetMask = (1UL << 35) - 1;
    private const ulong IttAddressMask = 0x000f_ffff_ffff_ff00;

    public static void Write(in ItsCommand command, Span<byte> entry)
    {
        ulong dw0 = (ulong)command.Opcode, dw1 = 0, dw2 = 0, dw3 = 0;
        switch (command.Opcode)
        {
            case ItsOpcode.Mapd:
                dw0 |= (ulong)command.Device.Value << 32;
                dw1 = (ulong)command.Size & 0x1f;
                dw2 = (command.IttAddress.Value & IttAddressMask) | Valid(command);
                break;
            case ItsOpcode.Mapc:
                dw2 = command.Icid | ((ulong)command.Target << TargetShift) | Valid(command);
                break;
            case ItsOpcode.Invall:
                dw2 = command.Icid;
                break;
            case ItsOpcode.Sync:
                dw2 = (ulong)command.Target << TargetShift;
                break;
            case ItsOpcode.Movall:
                dw2 = (ulong)command.Target << TargetShift;
                dw3 = (ulong)command.Target2 << TargetShift;
                break;
            default:
                dw0 |= (ulong)command.Device.Value << 32;
                dw1 = command.Event.Value | ((ulong)command.PIntid << 32);
                dw2 = command.Icid;
                break;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(entry, dw0);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], dw1);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], dw2);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], dw3);
    }

    /// <summary>What an entry says; null where its first byte is no command of an ITS without virtual LPIs.</summary>
    public static ItsCommand? Read(ReadOnlySpan<byte> entry)
    {
        ulong dw0 = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        ulong dw1 = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]);
        ulong dw2 = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
        ulong dw3 = BinaryPrimitives.ReadUInt64LittleEndian(entry[24..]);
        DeviceId device = new((uint)(dw0 >> 32));
        EventId eventId = new((uint)dw1);
        ushort icid = (ushort)(dw2 & IcidMask);
        bool valid = (dw2 & ItsRegister.Valid) != 0;
        return (ItsOpcode)(dw0 & 0xff) switch
        {
            ItsOpcode.Mapd => ItsCommand.Mapd(device, (int)(dw1 & 0x1f), valid, new PhysicalAddress(dw2 & IttAddressMask)),
            ItsOpcode.Mapc => ItsCommand.Mapc(icid, Target(dw2), valid),
            ItsOpcode.Mapti => ItsCommand.Mapti(device, eventId, (uint)(dw1 >> 32), icid),
            ItsOpcode.Mapi => ItsCommand.Mapi(device, eventId, icid),
            ItsOpcode.Movi => ItsCommand.Movi(device, eventId, icid),
            ItsOpcode.Movall => ItsCommand.Movall(Target(dw2), Target(dw3)),
            ItsOpcode.Discard => ItsCommand.Discard(device, eventId),
            ItsOpcode.Inv => ItsCommand.Inv(device, eventId),
            ItsOpcode.Invall => ItsCommand.Invall(icid),
            ItsOpcode.Int => ItsCommand.Int(device, eventId),
            ItsOpcode.Clear => ItsCommand.Clear(device, eventId),
            ItsOpcode.Sync => ItsCommand.Sync(Target(dw2)),
            _ => null,
        };
    }

    private static ulong Valid(in ItsCommand command) => command.Valid ? ItsRegister.Valid : 0;

    // 35 bits in the entry; a processor number beyond 32 bits is out of range anywhere.
    private static uint Target(ulong doubleword) => (uint)Math.Min((doubleword >> TargetShift) & TargetMask, uint.MaxValue);
}
