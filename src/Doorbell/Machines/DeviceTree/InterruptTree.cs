namespace Doorbell.Machines.DeviceTree;

/// <summary>Which interrupt controller a node's interrupts go to, up to the one they end at (Devicetree Specification 0.4, 2.4).</summary>
internal sealed class InterruptTree(DtTree tree)
{
    private const int MaxHops = 32;
    private const int MaxCells = 8;

    /// <summary>The controller at the root of the node's interrupts; null, and a failure told, where the way there ends nowhere or goes in a circle.</summary>
    public DtNode? FindRoot(DtNode node)
    {
        DtNode controller = node;
        for (int hops = 0; hops < MaxHops; hops++)
        {
            if (FindParent(controller) is not { } parent)
            {
                if (controller == node && tree.Errors.First.IsOk)
                {
                    tree.Errors.Fail(node, "interrupt-parent", "neither the node nor one around it has the property: expected the phandle of an interrupt controller");
                }

                return controller == node ? null : controller;
            }

            // The root of an interrupt tree may name itself: its own node, or one around it, gives everybody's parent.
            if (parent == controller)
            {
                return controller;
            }

            controller = parent;
        }

        tree.Errors.Fail(node, "interrupt-parent", $"the way to a root interrupt controller has more than {MaxHops} steps, or goes in a circle: expected one that ends");
        return null;
    }

    /// <summary>The next controller or nexus of a node: what the nearest <c>interrupt-parent</c> on the way to the root names; null where none does.</summary>
    public DtNode? FindParent(DtNode node)
    {
        for (DtNode? from = node; from is not null; from = from.Parent)
        {
            if (tree.ReadCell(from, "interrupt-parent", "the phandle of an interrupt controller", 1, uint.MaxValue) is { } phandle)
            {
                return tree.Follow(from, "interrupt-parent", phandle);
            }
        }

        return null;
    }

    /// <summary>The SPIs of a GIC that the tree gives to anybody: <c>interrupts</c>, <c>interrupts-extended</c> and <c>interrupt-map</c>. What cannot be read is passed over.</summary>
    public HashSet<uint> FindSpis(DtNode gic)
    {
        var spis = new HashSet<uint>();
        foreach (DtNode node in tree.Nodes)
        {
            if (node.Find("interrupts") is { } interrupts && FindParentQuietly(node) == gic)
            {
                int cells = CellsOf(gic, "#interrupt-cells");
                for (int at = 0; cells >= 2 && at + cells <= interrupts.CellCount; at += cells)
                {
                    Add(spis, interrupts, at);
                }
            }

            if (node.Find("interrupts-extended") is { } extended)
            {
                for (int at = 0; at < extended.CellCount;)
                {
                    DtNode? parent = tree.Find(extended.Cell(at++));
                    int cells = parent is null ? 0 : CellsOf(parent, "#interrupt-cells");
                    if (parent is null || at + cells > extended.CellCount)
                    {
                        break;
                    }

                    if (parent == gic)
                    {
                        Add(spis, extended, at);
                    }

                    at += cells;
                }
            }

            if (node.Find("interrupt-map") is { } map)
            {
                AddMapped(spis, node, map, gic);
            }
        }

        return spis;
    }

    private void AddMapped(HashSet<uint> spis, DtNode node, DtProperty map, DtNode gic)
    {
        int child = CellsOf(node, "#address-cells") + CellsOf(node, "#interrupt-cells");
        for (int at = 0; at + child < map.CellCount;)
        {
            at += child;
            if (tree.Find(map.Cell(at++)) is not { } parent)
            {
                return;
            }

            int address = CellsOf(parent, "#address-cells"), cells = CellsOf(parent, "#interrupt-cells");
            if (cells == 0 || at + address + cells > map.CellCount)
            {
                return;
            }

            if (parent == gic)
            {
                Add(spis, map, at + address);
            }

            at += address + cells;
        }
    }

    // A GIC's specifier: 0 for an SPI, its number from 32 up, flags (Devicetree binding arm,gic).
    private static void Add(HashSet<uint> spis, DtProperty property, int at)
    {
        if (at + 1 < property.CellCount && property.Cell(at) == 0 && property.Cell(at + 1) < 988)
        {
            spis.Add(property.Cell(at + 1) + 32);
        }
    }

    private static int CellsOf(DtNode node, string property) =>
        node.Find(property) is { Value.Length: 4 } cells && cells.Cell(0) <= MaxCells ? (int)cells.Cell(0) : 0;

    private DtNode? FindParentQuietly(DtNode node)
    {
        for (DtNode? from = node; from is not null; from = from.Parent)
        {
            if (from.Find("interrupt-parent") is { Value.Length: 4 } phandle)
            {
                return tree.Find(phandle.Cell(0));
            }
        }

        return null;
    }
}
