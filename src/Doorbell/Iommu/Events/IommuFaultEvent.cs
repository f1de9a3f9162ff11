using Doorbell.Events;

namespace Doorbell.Iommu.Events;

/// <summary>A transaction was refused (I10).</summary>
/// <param name="Iommu">The unit.</param>
/// <param name="Stream">Who.</param>
/// <param name="Iova">Where to.</param>
/// <param name="Access">Read or Write: the direction.</param>
/// <param name="Reason">Why.</param>
/// <param name="ReasonName">Why, as the unit's manual calls it: <c>F_TRANSLATION</c>.</param>
/// <param name="Code">Why, in the unit's own code: SMMUv3's event number, the bit of SMMUv2's SMMU_sGFSR or SMMU_CBn_FSR, VT-d's fault reason, AMD-Vi's event code.</param>
public sealed record IommuFaultEvent(string Iommu, StreamId Stream, Iova Iova, IommuProtection Access, IommuFaultReason Reason, string ReasonName, uint Code) : MachineEvent
{
    /// <summary>The direction as people write it.</summary>
    public string Direction => (Access & IommuProtection.Write) != 0 ? "write" : "read";

    /// <inheritdoc/>
    public override bool IsTrouble => true;

    /// <inheritdoc/>
    public override string Kind => "iommu.fault";

    /// <inheritdoc/>
    public override void Describe(IEventFields fields)
    {
        fields.Text("iommu", Iommu);
        fields.Hex("stream", Stream.Value);
        fields.Hex("iova", Iova.Value);
        fields.Text("direction", Direction);
        fields.Text("reason", ReasonName);
        fields.Hex("code", Code);
    }
}
