namespace Doorbell.Machines.DeviceTree;

/// <summary>The SMMUs that stand before PCI hosts.</summary>
internal sealed class SmmuSection(DtTree tree, DtNaming naming)
{
    // What each can walk is in its registers, which no tree holds: the architecture's, or for MMU-400 and MMU-401 what their manuals have.
    private static readonly (string Compatible, SmmuModel Model, string? Product, ulong[] Granules, int Bits)[] Known =
    [
        ("arm,smmu-v3", SmmuModel.SmmuV3, null, [0x1000, 0x4000, 0x1_0000], 48),
        ("arm,mmu-401", SmmuModel.SmmuV2, "mmu-401", [0x1000, 0x1_0000], 40),
        ("arm,mmu-400", SmmuModel.SmmuV2, "mmu-400", [0x1000, 0x1_0000], 40),
        ("arm,mmu-500", SmmuModel.SmmuV2, "mmu-500", [0x1000, 0x4000, 0x1_0000], 48),
        ("nvidia,smmu-500", SmmuModel.SmmuV2, "mmu-500", [0x1000, 0x4000, 0x1_0000], 48),
        ("qcom,smmu-500", SmmuModel.SmmuV2, "mmu-500", [0x1000, 0x4000, 0x1_0000], 48),
        ("cavium,smmu-v2", SmmuModel.SmmuV2, null, [0x1000, 0x4000, 0x1_0000], 48),
        ("qcom,smmu-v2", SmmuModel.SmmuV2, null, [0x1000, 0x1_0000], 48),
        ("arm,smmu-v2", SmmuModel.SmmuV2, null, [0x1000, 0x1_0000], 48),
        ("arm,smmu-v1", SmmuModel.SmmuV2, null, [0x1000, 0x1_0000], 40),
    ];

    private const int MaxIommus = 256;

    private readonly Dictionary<DtNode, IommuDescription> _read = [];

    /// <summary>Those that were asked for, in that order.</summary>
    public IEnumerable<IommuDescription> Iommus => _read.Values;

    /// <summary>True for an SMMU of Arm's architectures.</summary>
    public static bool IsSmmu(DtNode node) => Array.Exists(Known, known => node.IsCompatible(known.Compatible));

    /// <summary>The SMMU; read when it is first asked for.</summary>
    public IommuDescription Read(DtNode node)
    {
        if (_read.TryGetValue(node, out IommuDescription? iommu))
        {
            return iommu;
        }

        (_, SmmuModel model, string? product, ulong[] granules, int bits) = Known.First(known => node.IsCompatible(known.Compatible));
        iommu = new IommuDescription
        {
            Name = naming.NameOf(node),
            Model = model,
            Product = product,
            Registers = tree.ReadFirstRegister(node) ?? default,
            Granules = granules,
            InputBits = bits,
        };
        _read.Add(node, iommu);
        if (_read.Count > MaxIommus)
        {
            tree.Errors.Fail(node, null, $"more than {MaxIommus} SMMUs before PCI hosts: expected {MaxIommus} at most");
        }

        return iommu;
    }

    /// <summary>Says which other IOMMUs the tree has: they translate no PCI host.</summary>
    public void NoteOthers()
    {
        IEnumerable<IGrouping<string, DtNode>> others = tree.Nodes
            .Where(node => (node.Has("#iommu-cells") || IsSmmu(node)) && !_read.ContainsKey(node) && node.IsReachable)
            .GroupBy(node => node.Kind);
        string list = string.Join(", ", others.Select(group => $"{group.Count()} {group.Key}"));
        if (list.Length > 0)
        {
            naming.Note($"IOMMUs that translate no PCI device are left out: {list}.");
        }
    }
}
