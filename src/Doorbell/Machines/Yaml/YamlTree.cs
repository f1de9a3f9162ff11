using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Doorbell.Machines.Yaml;

/// <summary>Builds the tree of one document from the parser's events, without reflection and without recursion.</summary>
internal static class YamlTree
{
    /// <summary>Characters a machine's file may have.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Levels a machine's file may have; the schema needs seven.</summary>
    public const int MaxDepth = 16;

    /// <summary>Keys a mapping may have; the schema needs fourteen, and a device's options are a few.</summary>
    public const int MaxKeys = 256;

    /// <summary>The document's root; null after an error.</summary>
    public static YamlElement? Parse(string text, YamlErrors errors)
    {
        if (text.Length > MaxLength)
        {
            errors.Add(1, "", $"the file is too long for a machine: expected at most {MaxLength} characters, not {text.Length}.");
            return null;
        }

        return Build(new Parser(new StringReader(text)), errors);
    }

    private static YamlElement? Build(Parser parser, YamlErrors errors)
    {
        var open = new Stack<Level>();
        YamlElement? root = null;
        int documents = 0;
        while (Next(parser, errors))
        {
            ParsingEvent current = parser.Current!;
            YamlElement element;
            switch (current)
            {
                case DocumentStart when ++documents > 1:
                    errors.Add(current.Start.Line, "", "a second document begins here: expected one machine a file.");
                    return null;
                case AnchorAlias:
                case NodeEvent { Anchor.IsEmpty: false }:
                    errors.Add(current.Start.Line, "", "anchors and aliases are not understood here: expected plain values.");
                    return null;
                case NodeEvent { Tag.IsEmpty: false }:
                    errors.Add(current.Start.Line, "", "tags are not understood here: expected plain values.");
                    return null;
                case Scalar scalar:
                    element = new YamlScalarElement(scalar.Start.Line, scalar.Value);
                    break;
                case MappingStart:
                case SequenceStart:
                    if (open.Count == MaxDepth)
                    {
                        errors.Add(current.Start.Line, "", $"nested too deeply: expected at most {MaxDepth} levels.");
                        return null;
                    }

                    open.Push(new Level(current is MappingStart
                        ? new YamlMappingElement(current.Start.Line, [])
                        : new YamlListElement(current.Start.Line, [])));
                    continue;
                case MappingEnd:
                case SequenceEnd:
                    element = open.Pop().Element;
                    break;
                default:
                    continue;
            }

            if (open.Count == 0)
            {
                root = element;
            }
            else if (!open.Peek().Add(element, errors))
            {
                return null;
            }
        }

        if (errors.First is not null)
        {
            return null;
        }

        if (root is null or YamlScalarElement { Value: "" })
        {
            errors.Add(1, "", "the file is empty: expected a machine.");
            return null;
        }

        return root;
    }

    // Some malformed input ends the parser not in a YamlException but in an InvalidOperationException or the like of its
    // own; from outside that is the same: not YAML.
    private static bool Next(Parser parser, YamlErrors errors)
    {
        long line = parser.Current?.End.Line ?? 1;
        try
        {
            return parser.MoveNext();
        }
        catch (YamlException e)
        {
            // Of a tab, the beginning is that of the mapping it stands in, which may be the whole file.
            errors.Add(Math.Max(1, e.Message.Contains(" tab ", StringComparison.Ordinal) ? e.End.Line : e.Start.Line), "", $"not YAML: {OneSentence(e.Message)}");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException)
        {
            errors.Add(Math.Max(1, line), "", "not YAML from here on.");
        }

        return false;
    }

    private static string OneSentence(string message)
    {
        string flat = message.ReplaceLineEndings(" ").Trim();
        return flat.EndsWith('.') ? flat : flat + ".";
    }

    /// <summary>A mapping or list whose end has not come yet.</summary>
    private sealed class Level(YamlElement element)
    {
        private YamlScalarElement? _key;

        public YamlElement Element => element;

        public bool Add(YamlElement child, YamlErrors errors)
        {
            if (element is YamlListElement list)
            {
                list.Items.Add(child);
                return true;
            }

            var mapping = (YamlMappingElement)element;
            if (_key is { } key)
            {
                mapping.Pairs.Add((key, child));
                _key = null;
                return true;
            }

            if (child is not YamlScalarElement name)
            {
                errors.Add(child.Line, "", $"{child.Kind} stands where a key should: expected a word before \":\".");
                return false;
            }

            if (mapping.Pairs.Count == MaxKeys)
            {
                errors.Add(name.Line, "", $"the mapping has more than {MaxKeys} keys: expected {MaxKeys} at most.");
                return false;
            }

            if (mapping.Pairs.Find(pair => pair.Key.Value == name.Value).Key is { } first)
            {
                errors.Add(name.Line, name.Value, $"the key appears twice, first in line {first.Line}: expected once.");
                return false;
            }

            _key = name;
            return true;
        }
    }
}
