using System.Globalization;

namespace Doorbell.Tests.Machines;

/// <summary>The cells of a small .dts file, by the last name of a node and a property.</summary>
internal sealed class DeviceTreeFixture
{
    private readonly Dictionary<string, uint[]> _cells = [];
    private readonly Dictionary<string, string> _texts = [];

    private DeviceTreeFixture()
    {
    }

    public List<string> Nodes { get; } = [];

    public static DeviceTreeFixture Read(string name)
    {
        var tree = new DeviceTreeFixture();
        var path = new Stack<string>();
        foreach (string raw in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Machines", "Fixtures", name + ".dts")))
        {
            string line = raw.Trim();
            if (line.EndsWith('{'))
            {
                path.Push(line[..^1].Trim());
                tree.Nodes.Add(path.Peek());
            }
            else if (line == "};")
            {
                path.Pop();
            }
            else if (line.Split(" = ") is [var property, var value])
            {
                string key = $"{path.Peek()}/{property}";
                value = value.TrimEnd(';');
                if (value.StartsWith('<'))
                {
                    tree._cells[key] = [.. value.Trim('<', '>').Split(' ').Select(cell => uint.Parse(cell.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];
                }
                else
                {
                    tree._texts[key] = value.Trim('"');
                }
            }
        }

        return tree;
    }

    public string NodeLike(string start) => Nodes.Single(node => node.StartsWith(start, StringComparison.Ordinal));

    public bool Has(string node, string property) => _cells.ContainsKey($"{node}/{property}");

    public IReadOnlyList<uint> Cells(string node, string property) => _cells[$"{node}/{property}"];

    public string Text(string node, string property) => _texts[$"{node}/{property}"];

    /// <summary>Two cells as one number.</summary>
    public ulong Pair(string node, string property, int first)
    {
        IReadOnlyList<uint> cells = Cells(node, property);
        return ((ulong)cells[first] << 32) | cells[first + 1];
    }

    public uint Phandle(string node) => Cells(node, "phandle")[0];
}
