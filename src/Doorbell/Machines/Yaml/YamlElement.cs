namespace Doorbell.Machines.Yaml;

/// <summary>A piece of a YAML document with the line it begins on.</summary>
internal abstract record YamlElement(long Line)
{
    /// <summary>What it is, for sentences.</summary>
    public abstract string Kind { get; }
}

/// <summary>A value.</summary>
internal sealed record YamlScalarElement(long Line, string Value) : YamlElement(Line)
{
    private const int Most = 60;

    public override string Kind => Value.Length switch
    {
        0 => "nothing",
        <= Most => $"\"{Value}\"",
        _ => $"\"{Value[..Most]}…\"",
    };
}

/// <summary>A list.</summary>
internal sealed record YamlListElement(long Line, List<YamlElement> Items) : YamlElement(Line)
{
    public override string Kind => "a list";
}

/// <summary>Keys and values, in the order written; no key twice.</summary>
internal sealed record YamlMappingElement(long Line, List<(YamlScalarElement Key, YamlElement Value)> Pairs) : YamlElement(Line)
{
    public override string Kind => "a mapping";
}
