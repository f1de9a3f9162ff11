namespace Doorbell.Iommu;

/// <summary>A kind of IOMMU: what its manual fixes, as opposed to what a board chooses (<see cref="IommuOptions"/>).</summary>
public sealed class IommuModel
{
    private readonly IommuFaultCode[] _faults;

    private IommuModel(string name, IommuFaultCode[] faults)
    {
        Name = name;
        _faults = faults;
    }

    /// <summary>Arm SMMUv3 (IHI 0070), stage 1, 48 bits; F_ and C_ are its event names (chapter 7.3).</summary>
    public static IommuModel SmmuV3 { get; } = new("smmu-v3", [new("STE.Config abort", 0), new("C_BAD_STREAMID", 0x02), new("F_TRANSLATION", 0x10), new("F_PERMISSION", 0x13), new("F_ADDR_SIZE", 0x11)])
    {
        TranslatesMsi = true,
        MaxStreamIdBits = 32,
        StreamIdBits = 16,
        RangeInvalidation = "CMD_TLBI_NH_VA",
        StreamInvalidation = "CMD_CFGI_STE",
    };

    /// <summary>Arm SMMUv2 (IHI 0062), stage 1; the names are the fault bits of SMMU_sGFSR and SMMU_CBn_FSR.</summary>
    public static IommuModel SmmuV2 { get; } = new("smmu-v2", SmmuV2Faults)
    {
        MatchesStreams = true,
        TranslatesMsi = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 15,
    };

    /// <summary>Arm MMU-500, an SMMUv2 implementation.</summary>
    public static IommuModel Mmu500 { get; } = new("mmu-500", SmmuV2Faults)
    {
        MatchesStreams = true,
        TranslatesMsi = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 15,
    };

    /// <summary>Arm MMU-401, an SMMUv1 implementation with stage 2 only: 40 bits of input.</summary>
    public static IommuModel Mmu401 { get; } = new("mmu-401", SmmuV2Faults)
    {
        MatchesStreams = true,
        TranslatesMsi = true,
        InputBits = 40,
        IsStage2 = true,
        RangeInvalidation = "SMMU_CBn_TLBIIPAS2",
        MaxStreamIdBits = 15,
        StreamIdBits = 15,
    };

    /// <summary>Intel VT-d, second-stage tables of four levels; the numbers are its manual's fault reasons (appendix A, legacy mode).</summary>
    public static IommuModel VtD { get; } = new(
        "vt-d",
        [
            new("02h: context entry not present", 0x02),
            new("03h: invalid context entry", 0x03),
            new("05h: not present for writing", 0x05) { Read = ("06h: not present for reading", 0x06) },
            new("05h: write access not set", 0x05) { Read = ("06h: read access not set", 0x06) },
            new("04h: address beyond AGAW", 0x04),
        ])
    {
        CanRemapInterrupts = true,
        ChecksInputSize = true,
        MaxStreamIdBits = 16,
        StreamIdBits = 16,
        RangeInvalidation = "IOTLB Invalidate, page-selective",
        StreamInvalidation = "Context-cache Invalidate, device-selective",
    };

    /// <summary>AMD-Vi with host tables of four levels; the names are its event log's.</summary>
    public static IommuModel AmdVi { get; } = new(
        "amd-vi",
        [
            new("IO_PAGE_FAULT: mode 0", 0x2),
            new("ILLEGAL_DEV_TABLE_ENTRY", 0x1),
            new("IO_PAGE_FAULT: not present", 0x2),
            new("IO_PAGE_FAULT: permission", 0x2),
            new("IO_PAGE_FAULT: address", 0x2),
        ])
    {
        CanRemapInterrupts = true,
        ChecksInputSize = true,
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

    /// <summary>SMMUv1 and v2: streams are found by stream mapping register groups, of which there are only so many.</summary>
    public bool MatchesStreams { get; private init; }

    /// <summary>Its tables are stage 2's, concatenated at the first level.</summary>
    public bool IsStage2 { get; private init; }

    /// <summary>An address above the tables' input is a fault of its own (VT-d, reason 04h), not one of a walk that finds nothing.</summary>
    internal bool ChecksInputSize { get; private init; }

    /// <summary>Bits of StreamID, unless the board says otherwise (QEMU's SMMUv3 has 16).</summary>
    public int StreamIdBits { get; private init; }

    /// <summary>Most bits of StreamID the architecture has.</summary>
    public int MaxStreamIdBits { get; private init; }

    /// <summary>The range where x86 hardware takes a device's write as an interrupt: 0xFEE0_0000 to 0xFEEF_FFFF. Null where MSI writes are translated.</summary>
    public ReservedRegion? HardwareMsi => TranslatesMsi ? null : new ReservedRegion(new Iova(0xfee0_0000), 0x10_0000, ReservedRegionType.Msi);

    // The first two are bits of SMMU_sGFSR, the others of SMMU_CBn_FSR.
    private static IommuFaultCode[] SmmuV2Faults =>
    [
        new("ICF: stream of type fault", 1 << 0),
        new("USF: unidentified stream", 1 << 1),
        new("TF: translation fault", 1 << 1),
        new("PF: permission fault", 1 << 3),
        new("ASF: address size fault", 1 << 7),
    ];

    /// <summary>Its invalidation of a range of cached translations, as its manual calls it.</summary>
    public string RangeInvalidation { get; private init; } = "SMMU_CBn_TLBIVA";

    /// <summary>Its invalidation of what it has cached of a stream's configuration, as its manual calls it.</summary>
    public string StreamInvalidation { get; private init; } = "SMMU_S2CRn";

    /// <summary>The model of that name; null where there is none.</summary>
    public static IommuModel? Find(string name) => All.FirstOrDefault(model => model.Name == name);

    /// <summary>A fault as the model's manual calls it.</summary>
    public string NameOf(IommuFaultReason reason, IommuProtection access = IommuProtection.Write) => _faults[(int)reason].Of(access).Name;

    /// <summary>A fault in the model's own code: SMMUv3's event number (0: it records none), the bit of SMMUv2's fault status registers, VT-d's fault reason, AMD-Vi's event code.</summary>
    public uint CodeOf(IommuFaultReason reason, IommuProtection access) => _faults[(int)reason].Of(access).Code;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
