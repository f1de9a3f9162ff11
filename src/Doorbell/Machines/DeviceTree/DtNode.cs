namespace Doorbell.Machines.DeviceTree;

/// <summary>A node of a device tree.</summary>
internal sealed class DtNode
{
    private readonly Dictionary<string, DtProperty> _properties = [];
    private readonly List<DtNode> _children = [];
    private HashSet<string>? _childNames;
    private IReadOnlyList<string>? _compatible;

    public DtNode(string name, DtNode? parent)
    {
        Name = name;
        Parent = parent;
    }

    /// <summary>Its name, with the unit address where it has one: <c>pcie@10000000</c>.</summary>
    public string Name { get; }

    /// <summary>The node it is in; null for the root.</summary>
    public DtNode? Parent { get; }

    /// <summary>The nodes in it.</summary>
    public IReadOnlyList<DtNode> Children => _children;

    /// <summary>Every property.</summary>
    public IReadOnlyCollection<DtProperty> Properties => _properties.Values;

    /// <summary>The name before the unit address.</summary>
    public string BaseName => Name.Split('@')[0];

    /// <summary>From the root: <c>/soc/pcie@10000000</c>.</summary>
    public string Path => Parent is null ? "/" : Parent.Parent is null ? $"/{Name}" : $"{Parent.Path}/{Name}";

    /// <summary>What it is compatible with, the most specific first; empty where it does not say, or says it in no strings.</summary>
    public IReadOnlyList<string> Compatible
    {
        get
        {
            if (_compatible is null && Find("compatible")?.TryGetStrings(out IReadOnlyList<string> strings) == true)
            {
                _compatible = strings;
            }

            return _compatible ??= [];
        }
    }

    /// <summary>What it says of itself first; its name where it says nothing.</summary>
    public string Kind => Compatible.Count > 0 ? Compatible[0] : BaseName;

    /// <summary>Whether it is there and in use: status absent, "okay" or, as older trees have it, "ok" (Linux, of_device_is_available).</summary>
    public bool IsEnabled => Find("status") is not { } status || status.Value.SequenceEqual("okay\0"u8) || status.Value.SequenceEqual("ok\0"u8);

    /// <summary>Whether a kernel would come to it: it and everything around it is enabled.</summary>
    public bool IsReachable => IsEnabled && Parent?.IsReachable != false;

    /// <summary>Itself and every node below it.</summary>
    public IEnumerable<DtNode> SelfAndBelow
    {
        get
        {
            var pending = new Stack<DtNode>([this]);
            while (pending.TryPop(out DtNode? node))
            {
                yield return node;
                for (int i = node._children.Count - 1; i >= 0; i--)
                {
                    pending.Push(node._children[i]);
                }
            }
        }
    }

    /// <summary>A property, or null.</summary>
    public DtProperty? Find(string name) => _properties.GetValueOrDefault(name);

    /// <summary>True where there is such a property.</summary>
    public bool Has(string name) => _properties.ContainsKey(name);

    /// <summary>True where it says that it is (also) this.</summary>
    public bool IsCompatible(string name) => Compatible.Contains(name);

    /// <inheritdoc/>
    public override string ToString() => Path;

    internal bool TryAdd(DtProperty property) => _properties.TryAdd(property.Name, property);

    internal bool TryAdd(DtNode child)
    {
        if (!(_childNames ??= []).Add(child.Name))
        {
            return false;
        }

        _children.Add(child);
        return true;
    }
}
