namespace Doorbell.Machines;

/// <summary>The instruction set of the described machine, which decides its interrupt and IOMMU world.</summary>
public enum MachineArchitecture
{
    /// <summary>Arm, 64 bit: GIC and SMMU.</summary>
    Arm64,

    /// <summary>x86, 64 bit: APICs, VT-d or AMD-Vi.</summary>
    X86,
}
