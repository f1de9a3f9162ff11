namespace Doorbell.Machines.Yaml;

/// <summary>The first thing found wrong in a file: one sentence that names file, line, key and what was expected.</summary>
internal sealed class YamlErrors(string file)
{
    public string? First { get; private set; }

    public void Add(long line, string path, string sentence) =>
        First ??= path.Length == 0 ? $"{file}:{line}: {sentence}" : $"{file}:{line}: {path}: {sentence}";
}
