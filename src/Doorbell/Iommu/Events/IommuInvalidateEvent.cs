using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A domain's cached translations of a range were invalidated, after the tables had lost them and before anybody may reuse them (I7).</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Domain">The domain's number in it: the ASID or VMID its translations are cached under.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Command">As the unit's manual calls it: <c>CMD_TLBI_NH_VA</c>.</param>
public sealed record IommuInvalidateEvent(string Iommu, int Domain, Iova Iova, ulong Size, string Command) : MachineEvent
{
    /// <inheritdoc/>
    public override string Kind => "iommu.invalidate";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Number("domain", Domain);
        fields.Hex("iova", Iova.Value);
        fields.Hex("size", Size);
        fields.Text("command", Command);
    }
}
