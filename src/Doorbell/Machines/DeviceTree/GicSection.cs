using Doorbell.Gic;

namespace Doorbell.Machines.DeviceTree;

/// <summary>The GIC's MSI controllers: ITSs, GICv2m frames, and a GICv3's message-based SPIs.</summary>
internal sealed class GicSection(DtTree tree, InterruptTree interrupts, DtNaming naming)
{
    /// <summary>Where the tree does not say which SPIs a GICv2m frame has, it gets a block of so many, aligned to their number.</summary>
    public const uint AssumedSpis = 32;

    private const int MaxControllers = 64;
    private const string Its = "arm,gic-v3-its";
    private const string V2mFrame = "arm,gic-v2m-frame";

    // The control frame; some trees leave out the translation frame that follows it (IHI 0069, 12.18).
    private const ulong ItsRegisters = 0x1_0000;

    private static readonly string[] GicV2 =
    [
        "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic", "arm,pl390", "arm,eb11mp-gic", "arm,arm1176jzf-devchip-gic", "arm,arm11mp-gic",
        "arm,tc11mp-gic", "brcm,brahma-b15-gic", "nvidia,tegra210-agic", "qcom,msm-8660-qgic", "qcom,msm-qgic2",
    ];

    /// <summary>Every controller of enabled nodes, by node: frames of one GICv2 are one controller.</summary>
    public Dictionary<DtNode, MsiControllerDescription> Controllers { get; } = [];

    /// <summary>True for a GIC.</summary>
    public static bool IsGic(DtNode node) => IsGicV3(node) || node.Compatible.Any(GicV2.Contains);

    /// <summary>Reads those of one GIC.</summary>
    public void Read(DtNode gic)
    {
        List<DtNode> nodes = [.. tree.Nodes.Where(static node => (node.IsCompatible(Its) || node.IsCompatible(V2mFrame)) && node.IsReachable)];
        if (nodes.Count > MaxControllers)
        {
            tree.Errors.Fail(gic, null, $"{nodes.Count} ITSs and GICv2m frames: expected {MaxControllers} at most");
            return;
        }

        foreach (DtNode node in nodes)
        {
            if (node.IsCompatible(Its))
            {
                Add(node, ReadIts(node));
            }
        }

        if (IsGicV3(gic) && gic.Has("msi-controller") && gic.Has("mbi-ranges"))
        {
            Add(gic, ReadMessageBased(gic));
        }

        ReadFrames(gic, [.. nodes.Where(static node => node.IsCompatible(V2mFrame))]);
    }

    private void Add(DtNode node, MsiControllerDescription controller)
    {
        if (!Controllers.TryAdd(node, controller))
        {
            tree.Errors.Fail(node, "compatible", "it is an MSI controller of two kinds: expected one");
        }
    }

    private static bool IsGicV3(DtNode node) => node.IsCompatible("arm,gic-v3");

    private GicV3ItsDescription ReadIts(DtNode node)
    {
        MemoryRange registers = tree.ReadFirstRegister(node) ?? default;
        if (tree.Errors.First.IsOk && (registers.Base.Value % 0x1_0000 != 0 || registers.Size < ItsRegisters))
        {
            tree.Errors.Fail(node, "reg", $"0x{registers.Size:x} bytes at {registers.Base}: expected 0x{ItsRegisters:x} or more, aligned to 0x10000");
        }

        var its = new GicV3ItsDescription { Name = naming.NameOf(node), Base = registers.Base };
        if (ReadPreIts(node) is not { } window)
        {
            return its;
        }

        naming.Note($"{its.Name}: a pre-ITS stands before it, so that a device is who the address says that it writes to: it isolates nobody.");
        return its with { PreIts = window, DeviceIdBits = System.Numerics.BitOperations.Log2(window.Size) - 2 };
    }

    // Two cells, of physical addresses as they are: address and size of a window with a word a DeviceID.
    private MemoryRange? ReadPreIts(DtNode node)
    {
        const string property = "socionext,synquacer-pre-its";
        if (node.Find(property) is not { } window)
        {
            return null;
        }

        if (window.Value.Length == 8 && System.Numerics.BitOperations.IsPow2(window.Cell(1)) && window.Cell(1) >= 0x1000 && window.Cell(0) % 0x1000 == 0)
        {
            return new MemoryRange(new PhysicalAddress(window.Cell(0)), window.Cell(1));
        }

        tree.Errors.Fail(node, property, "expected an address and a size, a power of two of 0x1000 or more");
        return null;
    }

    // GICv3 without an ITS can take MSIs at GICD_SETSPI_NSR, 0x40 in the distributor or in a page that is an alias of it (binding arm,gic-v3: mbi-ranges).
    private GicV2mDescription ReadMessageBased(DtNode gic)
    {
        DtProperty ranges = gic.Find("mbi-ranges")!;
        if (ranges.Value.Length != 8 || !IsBlock(ranges.Cell(0), ranges.Cell(1)))
        {
            tree.Errors.Fail(gic, "mbi-ranges", "expected one pair of an SPI's INTID from 32 up and a count that ends at 1019 or before");
        }

        PhysicalAddress? page = tree.ReadFirstRegister(gic)?.Base;
        if (gic.Find("mbi-alias") is { } alias && gic.Parent is { } bus)
        {
            int cells = tree.AddressCells(bus);
            page = alias.IsCells && alias.CellCount == cells && cells is 1 or 2
                ? tree.Translate(gic, "mbi-alias", bus, alias.Number(0, cells), GicV2mFrameDescription.FrameSize)?.Base
                : null;
            if (page is null)
            {
                tree.Errors.Fail(gic, "mbi-alias", "expected one address");
            }
        }

        return new GicV2mDescription
        {
            Name = naming.NameOf(gic),
            IsMessageBasedSpi = true,
            MsiFrames = tree.Errors.First.IsOk ? [Frame(gic, page.GetValueOrDefault(), ranges.Cell(0), ranges.Cell(1))] : [],
        };
    }

    private void ReadFrames(DtNode gic, List<DtNode> nodes)
    {
        if (nodes.Count == 0)
        {
            return;
        }

        var frames = new List<GicV2mFrameDescription>();
        var silent = new List<(DtNode Node, PhysicalAddress Page)>();
        foreach (DtNode node in nodes)
        {
            PhysicalAddress page = tree.ReadFirstRegister(node)?.Base ?? default;
            uint? first = tree.ReadCell(node, "arm,msi-base-spi", "the INTID of an SPI, 32 to 1019", GicDomain.FirstSpi, GicDomain.SpiLimit - 1);
            uint? count = tree.ReadCell(node, "arm,msi-num-spis", "a number of SPIs, 1 to 988", 1, GicDomain.SpiLimit - GicDomain.FirstSpi);
            if (!tree.Errors.First.IsOk)
            {
                return;
            }

            if (first is { } start && count is { } spis && IsBlock(start, spis))
            {
                frames.Add(Frame(node, page, start, spis));
            }
            else if (first is null && count is null)
            {
                silent.Add((node, page));
            }
            else
            {
                tree.Errors.Fail(node, "arm,msi-base-spi", $"{first?.ToString() ?? "none"} with arm,msi-num-spis {count?.ToString() ?? "none"}: expected both or neither, and SPIs that end at 1019 or before");
            }
        }

        frames.AddRange(Assume(gic, frames, silent));
        var controller = new GicV2mDescription { Name = naming.NameOf(nodes[0]), MsiFrames = frames };
        foreach (DtNode node in nodes)
        {
            Add(node, controller);
        }
    }

    // Software would read MSI_TYPER, and no tree has its contents: blocks that nothing else in the tree uses.
    private List<GicV2mFrameDescription> Assume(DtNode gic, List<GicV2mFrameDescription> known, List<(DtNode Node, PhysicalAddress Page)> silent)
    {
        var frames = new List<GicV2mFrameDescription>();
        if (silent.Count == 0)
        {
            return frames;
        }

        HashSet<uint> taken = interrupts.FindSpis(gic);
        taken.UnionWith(known.SelectMany(frame => Enumerable.Range((int)frame.SpiBase, (int)frame.SpiCount)).Select(spi => (uint)spi));
        uint block = 2 * AssumedSpis;
        foreach ((DtNode node, PhysicalAddress page) in silent)
        {
            while (block + AssumedSpis <= GicDomain.SpiLimit && taken.Any(spi => spi - block < AssumedSpis))
            {
                block += AssumedSpis;
            }

            if (block + AssumedSpis > GicDomain.SpiLimit)
            {
                tree.Errors.Fail(node, "arm,msi-base-spi", $"the property is missing, and the tree leaves no {AssumedSpis} SPIs in a row free for the frame: expected its SPIs");
                break;
            }

            frames.Add(Frame(node, page, block, AssumedSpis));
            block += AssumedSpis;
        }

        naming.Note($"{silent.Count} GICv2m frame{(silent.Count == 1 ? "" : "s")} of the tree name{(silent.Count == 1 ? "s" : "")} no SPIs (MSI_TYPER does): {AssumedSpis} each are assumed that nothing else in the tree uses.");
        return frames;
    }

    private GicV2mFrameDescription Frame(DtNode node, PhysicalAddress page, uint first, uint count)
    {
        if (page.Value % GicV2mFrameDescription.FrameSize != 0)
        {
            tree.Errors.Fail(node, "reg", $"the frame is at {page}: expected an address aligned to 0x{GicV2mFrameDescription.FrameSize:x}");
        }

        return new GicV2mFrameDescription(page, first, count);
    }

    private static bool IsBlock(uint first, uint count) => first >= GicDomain.FirstSpi && first < GicDomain.SpiLimit && count >= 1 && count <= GicDomain.SpiLimit - first;
}
