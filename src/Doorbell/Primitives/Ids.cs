namespace Doorbell;

/// <summary>What an SMMU calls the master of a transaction (SMMUv3 IHI 0070 3.2; for SMMUv2 the stream ID of IHI 0062).</summary>
public readonly record struct StreamId(uint Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}

/// <summary>What a GICv3 ITS calls the writer of an MSI (IHI 0069, 5.2).</summary>
public readonly record struct DeviceId(uint Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}

/// <summary>The payload of an MSI to an ITS: which event of the device (IHI 0069, 5.2).</summary>
public readonly record struct EventId(uint Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Value}";
}

/// <summary>A PCI requester ID: bus 15:8, device 7:3, function 2:0 (PCIe base 2.2.6.2).</summary>
public readonly record struct RequesterId(ushort Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Value >> 8:x2}:{(Value >> 3) & 0x1f:x2}.{Value & 7}";
}
