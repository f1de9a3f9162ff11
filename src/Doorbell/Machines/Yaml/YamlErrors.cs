namespace Doorbell.Machines.Yaml;

/// <summary>The first thing found wrong in a file: one sentence that names file, line, key and what was expected.</summary>
internal sealed class YamlErrors(string file)
{
    private object? _misses;

    public string? First { get; private set; }

    public void Add(long line, string path, string sentence) =>
        First ??= OneLine(path.Length == 0 ? $"{file}:{line}: {sentence}" : $"{file}:{line}: {path}: {sentence}");

    /// <summary>A key is missing from a mapping. That may be because it is there misspelt, which only the mapping's end shows.</summary>
    public void AddMissing(object mapping, long line, string path, string sentence)
    {
        _misses ??= First is null ? mapping : null;
        Add(line, path, sentence);
    }

    /// <summary>A mapping has a key nobody knows: better news than that one is missing from the same mapping.</summary>
    public void AddUnknown(object mapping, long line, string path, string sentence)
    {
        if (_misses == mapping)
        {
            First = null;
        }

        Add(line, path, sentence);
    }

    // A quoted value can hold line breaks and worse.
    private static string OneLine(string sentence) =>
        string.Create(sentence.Length, sentence, static (line, text) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' ? ' ' : text[i];
            }
        });
}
