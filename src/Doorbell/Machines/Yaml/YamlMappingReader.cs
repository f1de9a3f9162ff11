namespace Doorbell.Machines.Yaml;

/// <summary>
/// Takes the keys of one mapping. What is wrong goes to the errors and a harmless value comes back, so that a reader
/// reads on and asks once at the end; <see cref="Finish"/> refuses the keys nobody took.
/// </summary>
internal sealed class YamlMappingReader
{
    private readonly YamlMappingElement _mapping;
    private readonly YamlErrors _errors;
    private readonly HashSet<string> _taken = [], _known = [];

    private YamlMappingReader(YamlMappingElement mapping, string path, YamlErrors errors)
    {
        _mapping = mapping;
        Path = path;
        _errors = errors;
    }

    /// <summary>Where in the file: <c>iommus[0]</c>; empty for the root.</summary>
    public string Path { get; }

    public long Line => _mapping.Line;

    public static YamlMappingReader Open(YamlElement element, string path, YamlErrors errors, string expected)
    {
        if (element is not YamlMappingElement mapping)
        {
            errors.Add(element.Line, path, $"expected {expected}, not {element.Kind}.");
            mapping = new YamlMappingElement(element.Line, []);
        }

        return new YamlMappingReader(mapping, path, errors);
    }

    public bool Has(string key)
    {
        _known.Add(key);
        return _mapping.Pairs.Exists(pair => pair.Key.Value == key);
    }

    public void Fail(string key, string sentence) => _errors.Add(LineOf(key), PathOf(key), sentence);

    public void Fail(string sentence) => _errors.Add(Line, Path, sentence);

    public string Text(string key, string expected, string? fallback = null)
    {
        if (Take(key, expected, fallback is not null) is not { } element)
        {
            return fallback ?? "";
        }

        if (element is YamlScalarElement { Value.Length: > 0 } scalar)
        {
            return scalar.Value;
        }

        Fail(key, $"expected {expected}, not {element.Kind}.");
        return "";
    }

    public string Name(string key, string? fallback = null)
    {
        string name = Text(key, "a name of letters, digits, dashes and underscores", fallback);
        if (name.Length > 0 && !DeviceSpec.IsName(name))
        {
            Fail(key, $"expected a name of letters, digits, dashes and underscores, not \"{name}\".");
        }

        return name;
    }

    public ulong Number(string key, string expected, ulong min, ulong max, ulong? fallback = null)
    {
        if (Take(key, expected, fallback is not null) is not { } element)
        {
            return fallback ?? min;
        }

        if (element is YamlScalarElement scalar && YamlNumber.TryParse(scalar.Value, out ulong value) && value >= min && value <= max)
        {
            return value;
        }

        Fail(key, $"expected {expected}, not {element.Kind}.");
        return min;
    }

    public bool YesOrNo(string key, bool? fallback = null)
    {
        const string expected = "yes or no";
        if (Take(key, expected, fallback is not null) is not { } element)
        {
            return fallback ?? false;
        }

        switch (element is YamlScalarElement scalar ? scalar.Value : null)
        {
            case "yes" or "true":
                return true;
            case "no" or "false":
                return false;
            default:
                Fail(key, $"expected {expected}, not {element.Kind}.");
                return false;
        }
    }

    public T OneOf<T>(string key, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        var words = new string[choices.Length];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = choices[i].Word;
        }

        string expected = words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} or {words[^1]}";
        string text = Text(key, expected);
        foreach ((string word, T value) in choices)
        {
            if (word == text)
            {
                return value;
            }
        }

        if (text.Length > 0)
        {
            Fail(key, $"expected {expected}, not \"{text}\".");
        }

        return choices[0].Value;
    }

    public YamlMappingReader? Mapping(string key, string expected, bool optional) =>
        Take(key, expected, optional) is { } element ? Open(element, PathOf(key), _errors, expected) : null;

    /// <summary>The list's elements with their paths; empty where it is absent.</summary>
    public IEnumerable<(YamlElement Element, string Path)> List(string key, string expected, bool optional, bool mayBeEmpty = false)
    {
        if (Take(key, expected, optional) is not { } element)
        {
            return [];
        }

        if (element is YamlListElement list && (mayBeEmpty || list.Items.Count > 0))
        {
            return list.Items.Select((item, index) => (item, $"{PathOf(key)}[{index}]"));
        }

        Fail(key, $"expected {expected}, not {(element is YamlListElement ? "an empty list" : element.Kind)}.");
        return [];
    }

    /// <summary>The list's mappings.</summary>
    public IEnumerable<YamlMappingReader> Mappings(string key, string expected, bool optional) =>
        List(key, $"a list of {expected}s", optional).Select(item => Open(item.Element, item.Path, _errors, $"{Article(expected)} {expected}'s keys"));

    /// <summary>Every key with its plain value: a device's options.</summary>
    public IEnumerable<KeyValuePair<string, string>> AllTexts()
    {
        foreach ((YamlScalarElement key, YamlElement _) in _mapping.Pairs)
        {
            yield return new(key.Value, Text(key.Value, "a value"));
        }
    }

    /// <summary>Refuses keys nobody asked for.</summary>
    public void Finish()
    {
        foreach ((YamlScalarElement key, YamlElement _) in _mapping.Pairs)
        {
            if (!_taken.Contains(key.Value))
            {
                _errors.AddUnknown(_mapping, key.Line, PathOf(key.Value), $"this key is not known here: expected one of {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
                return;
            }
        }
    }

    private static string Article(string noun) => noun[0] is 'a' or 'e' or 'i' or 'o' or 'u' or 'I' or 'M' ? "an" : "a";

    private YamlElement? Take(string key, string expected, bool optional)
    {
        _taken.Add(key);
        _known.Add(key);
        foreach ((YamlScalarElement name, YamlElement value) in _mapping.Pairs)
        {
            if (name.Value == key)
            {
                return value;
            }
        }

        if (!optional)
        {
            _errors.AddMissing(_mapping, Line, PathOf(key), $"the key is missing: expected {expected}.");
        }

        return null;
    }

    private string PathOf(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    private long LineOf(string key)
    {
        foreach ((YamlScalarElement name, YamlElement _) in _mapping.Pairs)
        {
            if (name.Value == key)
            {
                return name.Line;
            }
        }

        return Line;
    }
}
