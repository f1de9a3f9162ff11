namespace Doorbell.Iommu;

/// <summary>A kind of IOMMU: what its manual fixes, as opposed to what a board chooses (<see cref="IommuOptions"/>).</summary>
public sealed class IommuModel
{
    private readonly string[] _faultNames;

    private IommuModel(string name, string[] faultNames)
    {
        Name = name;
        _faultNames = faultNames;
    }

    /// <summary>Arm SMMUv3 (IHI 0070), stage 1, 48 bits; F_ and C_ are its event names (chapter 7.3).</summary>
    public static IommuModel SmmuV3 { get; } = new("smmu-v3", ["STE.Config abort", "C_BAD_STREAMID", "F_TRANSLATION", "F_PERMISSION", "F_ADDR_SIZE"])
    {
        TranslatesMsi = true,
        MaxStreamIdBits = 32,
        StreamIdBits = 16,
        RangeInvalidation = "CMD_TLBI_NH_VA",
        StreamInvalidation = "CMD_CFGI_STE",
    };

    /// <summary>Arm SMMUv2 (IHI 0062), stage 1; the names are the fault bits of SMMU_sGFSR and SMMU_CBn_FSR.</summary>
    public static IommuModel SmmuV2 { get; } = new("smmu-v2", SmmuV2Names)
    {
        TranslatesMsi = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 15,
    };

    /// <summary>Arm MMU-500, an SMMUv2 implementation.</summary>
    public static IommuModel Mmu500 { get; } = new("mmu-500", SmmuV2Names)
    {
        TranslatesMsi = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 15,
    };

    /// <summary>Arm MMU-401, an SMMUv1 implementation with stage 2 only: 40 bits of input.</summary>
    public static IommuModel Mmu401 { get; } = new("mmu-401", SmmuV2Names)
    {
        TranslatesMsi = true,
        InputBits = 40,
        IsStage2 = true,
        RangeInvalidation = "SMMU_CBn_TLBIIPAS2",
        MaxStreamIdBits = 15,
        StreamIdBits = 15,
    };

    /// <summary>Intel VT-d, second-stage tables of four levels; the numbers are its manual's fault reasons.</summary>
    public static IommuModel VtD { get; } = new("vt-d", ["02h: context entry not present", "03h: invalid context entry", "05h/06h: not present", "05h/06h: access not allowed", "04h: address beyond AGAW"])
    {
        CanRemapInterrupts = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 16,
        RangeInvalidation = "IOTLB Invalidate, page-selective",
        StreamInvalidation = "Context-cache Invalidate, device-selective",
    };

    /// <summary>AMD-Vi with host tables of four levels; the names are its event log's.</summary>
    public static IommuModel AmdVi { get; } = new("amd-vi", ["IO_PAGE_FAULT: mode 0", "ILLEGAL_DEV_TABLE_ENTRY", "IO_PAGE_FAULT: not present", "IO_PAGE_FAULT: permission", "IO_PAGE_FAULT: address"])
    {
        CanRemapInterrupts = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 16,
        RangeInvalidation = "INVALIDATE_IOMMU_PAGES",
        StreamInvalidation = "INVALIDATE_DEVTAB_ENTRY",
    };

    /// <summary>Every model.</summary>
    public static IReadOnlyList<IommuModel> All { get; } = [SmmuV3, SmmuV2, Mmu500, Mmu401, VtD, AmdVi];

    /// <summary>As a machine file names it: <c>smmu-v3</c>.</summary>
    public string Name { get; }

    /// <summary>I1: MSI writes go through the tables like any write. False where the hardware takes writes to <see cref="HardwareMsi"/> out before them.</summary>
    public bool TranslatesMsi { get; private init; }

    /// <summary>I2: the unit can remap interrupts. Never true of an SMMU: on ARM that is the MSI controller's.</summary>
    public bool CanRemapInterrupts { get; private init; }

    /// <summary>Bits of IOVA, unless the board says otherwise.</summary>
    public int InputBits { get; private init; } = 48;

    /// <summary>Its tables are stage 2's, concatenated at the first level.</summary>
    public bool IsStage2 { get; private init; }

    /// <summary>Bits of StreamID, unless the board says otherwise (QEMU's SMMUv3 has 16).</summary>
    public int StreamIdBits { get; private init; }

    /// <summary>Most bits of StreamID the architecture has.</summary>
    public int MaxStreamIdBits { get; private init; }

    /// <summary>The range where x86 hardware takes a device's write as an interrupt: 0xFEE0_0000 to 0xFEEF_FFFF. Null where MSI writes are translated.</summary>
    public ReservedRegion? HardwareMsi => TranslatesMsi ? null : new ReservedRegion(new Iova(0xfee0_0000), 0x10_0000, ReservedRegionType.Msi);

    private static string[] SmmuV2Names => ["ICF: stream of type fault", "USF: unidentified stream", "TF: translation fault", "PF: permission fault", "ASF: address size fault"];

    /// <summary>Its invalidation of a range of cached translations, as its manual calls it.</summary>
    public string RangeInvalidation { get; private init; } = "SMMU_CBn_TLBIVA";

    /// <summary>Its invalidation of what it has cached of a stream's configuration, as its manual calls it.</summary>
    public string StreamInvalidation { get; private init; } = "SMMU_S2CRn";

    /// <summary>The model of that name; null where there is none.</summary>
    public static IommuModel? Find(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <summary>A fault as the model's manual calls it.</summary>
    public string NameOf(IommuFaultReason reason) => _faultNames[(int)reason];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
