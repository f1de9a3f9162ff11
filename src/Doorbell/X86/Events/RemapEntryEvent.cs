using Doorbell.Events;

namespace Doorbell.X86.Events;

/// <summary>An entry of an interrupt remapping table was written or cleared; caches of it are invalidated with that (VT-d: interrupt entry cache invalidation).</summary>
/// <param name="Unit">The remapping hardware.</param>
/// <param name="Device">Whose interrupt it is.</param>
/// <param name="Index">Index in the table; with AMD-Vi, in the device's own.</param>
/// <param name="Entry">What it holds now; null: not present.</param>
public sealed record RemapEntryEvent(string Unit, string Device, uint Index, RemapEntry? Entry) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "ir.entry";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("unit", Unit);
        fields.Text("device", Device);
        fields.Hex("index", Index);
        fields.Text("state", Entry is null ? "not present" : "present");
        if (Entry is not null)
        {
            fields.Number("cpu", Entry.Cpu);
            fields.Hex("vector", Entry.Vector);
            fields.Text("source", Entry.Source.ToString());
        }
    }
}
