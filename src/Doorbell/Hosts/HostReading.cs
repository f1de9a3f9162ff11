using System.Globalization;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>One reading of a host: its files, and what became clear that they do not say.</summary>
internal sealed class HostReading(IHostFiles files)
{
    private readonly List<HostUnknown> _unknown = [];

    public IHostFiles Files { get; } = files;

    public IReadOnlyList<HostUnknown> Unknown => _unknown;

    public void Miss(string what, string file, string remedy, string place = "") => _unknown.Add(new HostUnknown(what, new Evidence(file, place), remedy));

    /// <summary>A line that is not as the kernel writes it: left out, and said.</summary>
    public void Malformed(string file, int line, string expected) =>
        Miss($"what line {line} of {file} says: expected {expected}", file, "a capture made anew", $"line {line}");

    /// <summary>A file as text without white space around it; null where it could not be read.</summary>
    public string? Text(string path) => Files.TryRead(path, out byte[] content) == HostFileStatus.Read ? Encoding.UTF8.GetString(content).Trim() : null;

    /// <summary>A file as lines; null where it could not be read.</summary>
    public string[]? Lines(string path) =>
        Files.TryRead(path, out byte[] content) == HostFileStatus.Read ? Encoding.UTF8.GetString(content).TrimEnd('\n').Split('\n') : null;

    /// <summary>Last component of where a link points; null where there is none.</summary>
    public string? LinkName(string path) => Files.ReadLink(path) is { } target ? target[(target.LastIndexOf('/') + 1)..] : null;

    /// <summary>What a person can do about a file that was not read.</summary>
    public static string RemedyFor(HostFileStatus status, string ifMissing) => status == HostFileStatus.NotPermitted ? HostRemedies.RunAsRoot : ifMissing;

    public static bool TryHex(ReadOnlySpan<char> word, out ulong value)
    {
        value = 0;
        return word.StartsWith("0x") && ulong.TryParse(word[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
