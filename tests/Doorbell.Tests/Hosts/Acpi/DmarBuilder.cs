namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>DMAR's structures.</summary>
internal static class DmarBuilder
{
    public static TableBuilder Unit(this TableBuilder dmar, int segment, bool all, ulong address, params Action<TableBuilder>[] scopes) =>
        dmar.Sized(2, 2, unit =>
        {
            unit.U16(0).U16(0).U8(all ? 1 : 0).U8(0).U16(segment).U64(address);
            Array.ForEach(scopes, scope => scope(unit));
        });

    public static TableBuilder Rmrr(this TableBuilder dmar, int segment, ulong first, ulong last, params Action<TableBuilder>[] scopes) =>
        dmar.Sized(2, 2, memory =>
        {
            memory.U16(1).U16(0).U16(0).U16(segment).U64(first).U64(last);
            Array.ForEach(scopes, scope => scope(memory));
        });

    public static TableBuilder Other(this TableBuilder dmar, int type, Action<TableBuilder> body) =>
        dmar.Sized(2, 2, structure =>
        {
            structure.U16(type).U16(0);
            body(structure);
        });
}
