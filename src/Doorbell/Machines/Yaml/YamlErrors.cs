namespace Doorbell.Machines.Yaml;

/// <summary>The first thing found wrong in a file: one sentence that names file, line, key and what was expected.</summary>
internal sealed class YamlErrors(string file)
{
    public string? First { get; private set; }

    public void Add(long line, string path, string sentence) =>
        First ??= OneLine(path.Length == 0 ? $"{file}:{line}: {sentence}" : $"{file}:{line}: {path}: {sentence}");

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
