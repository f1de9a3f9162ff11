namespace Doorbell.Iommu;

/// <summary>A fault's name and code in one manual; where reads have their own, those too.</summary>
internal sealed record IommuFaultCode(string Name, uint Code)
{
    public (string Name, uint Code)? Read { get; init; }

    public (string Name, uint Code) Of(IommuProtection access) =>
        Read is { } read && (access & IommuProtection.Write) == 0 ? read : (Name, Code);
}
