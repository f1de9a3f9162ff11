using System.Buffers.Binary;
using Doorbell.Iommu;

namespace Doorbell.Vfio.Iommufd;

/// <summary>What units say about themselves: an SMMUv3's identification registers as QEMU's model has them (IHI 0070 chapter 6.3), nothing of the others.</summary>
internal static class HardwareInfo
{
    // struct iommu_hw_info_arm_smmuv3: flags, reserved, idr[6], iidr, aidr.
    private const int SmmuV3Length = 40;
    private const int SmmuV3Idr = 8;
    private const int SmmuV3Aidr = 36;

    // ST_LEVEL 1 (two-level stream table), TERM_MODEL, STALL_MODEL 1 (none), TTENDIAN 2 (little), VMID16, ASID16, COHACC, TTF 2 (AArch64), S1P, S2P.
    private const uint Idr0 = 1 << 27 | 1 << 26 | 1 << 24 | 2 << 21 | 1 << 18 | 1 << 12 | 1 << 4 | 2 << 2 | 1 << 1 | 1;

    // CMDQS, EVENTQS: queues of 2^19 entries; SIDSIZE is the unit's.
    private const uint Idr1Queues = 19 << 21 | 19 << 16;

    // BBML 2, RIL, XNX, HAD.
    private const uint Idr3 = 2 << 11 | 1 << 10 | 1 << 4 | 1 << 2;

    // GRAN64K, GRAN16K, GRAN4K, OAS 4 (44 bits).
    private const uint Idr5 = 7 << 4 | 4;

    // SMMUv3.1.
    private const uint Aidr = 1;

    public static IommufdHardwareInfo Of(Iommu.Iommu unit)
    {
        if (unit.Model != IommuModel.SmmuV3)
        {
            return new IommufdHardwareInfo(HardwareInfoType.None, default, HardwareCapabilities.AtsNotSupported, 0);
        }

        byte[] data = new byte[SmmuV3Length];
        ReadOnlySpan<uint> registers = [Idr0, Idr1Queues | (uint)unit.StreamIdBits, 0, Idr3, 0, Idr5];
        for (int i = 0; i < registers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(SmmuV3Idr + (4 * i)), registers[i]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(SmmuV3Aidr), Aidr);
        return new IommufdHardwareInfo(HardwareInfoType.ArmSmmuV3, data, HardwareCapabilities.AtsNotSupported, 0);
    }
}
