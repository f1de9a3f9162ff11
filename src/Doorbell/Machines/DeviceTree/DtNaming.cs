namespace Doorbell.Machines.DeviceTree;

/// <summary>Names of a machine's parts, out of their nodes' names, and what its reader assumed or left out.</summary>
internal sealed class DtNaming
{
    private readonly HashSet<string> _taken = [];
    private readonly Dictionary<(DtNode Node, string Part), string> _names = [];
    private readonly List<string> _notes = [];

    /// <summary>Sentences about what was assumed or left out.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>A name that no other part has: the node's own, or its path where another has that.</summary>
    /// <param name="node">Where the part is described.</param>
    /// <param name="part">What is added where the node describes more than one part.</param>
    public string NameOf(DtNode node, string part = "")
    {
        if (_names.TryGetValue((node, part), out string? known))
        {
            return known;
        }

        string name = node.Name + part;
        for (string next = node.Path + part; !_taken.Add(name); next += "+")
        {
            name = next;
        }

        _names.Add((node, part), name);
        return name;
    }

    /// <summary>Adds a sentence.</summary>
    public void Note(string sentence) => _notes.Add(sentence);
}
