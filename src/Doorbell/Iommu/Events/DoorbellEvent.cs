using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>Something happened to a doorbell binding of a domain (I4, I7).</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Domain">The domain's number in it.</param>
/// <param name="PhysicalAddress">First PA of the bound granules.</param>
/// <param name="Iova">First IOVA of the bound granules.</param>
/// <param name="Size">Bytes bound: whole granules.</param>
/// <param name="References">References after it.</param>
public abstract record DoorbellEvent(string Iommu, int Domain, PhysicalAddress PhysicalAddress, Iova Iova, ulong Size, int References) : MachineEvent
{
    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Number("domain", Domain);
        fields.Hex("pa", PhysicalAddress.Value);
        fields.Hex("iova", Iova.Value);
        fields.Hex("size", Size);
        fields.Number("references", References);
    }
}
