namespace Doorbell.Machines.DeviceTree;

/// <summary>Names of a machine's parts, out of their nodes' names, and what its reader assumed or left out.</summary>
internal sealed class DtNaming
{
    private readonly Dictionary<string, DtNode> _names = [];
    private readonly List<string> _notes = [];

    /// <summary>Sentences about what was assumed or left out.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>A name for the node's part: the node's own, or its path where another has that.</summary>
    public string NameOf(DtNode node)
    {
        string name = _names.TryAdd(node.Name, node) || _names[node.Name] == node ? node.Name : node.Path;
        return name;
    }

    /// <summary>Adds a sentence.</summary>
    public void Note(string sentence) => _notes.Add(sentence);
}
