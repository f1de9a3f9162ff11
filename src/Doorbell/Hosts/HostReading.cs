using System.Globalization;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>One reading of a host: its files, and what became clear that they do not say.</summary>
internal sealed class HostReading(IHostFiles files)
{
    private readonly List<HostUnknown> _unknown = [];

    public IHostFiles Files { get; } = files;

    public IReadOnlyList<HostUnknown> Unknown => _unknown;

    public void Miss(string what, string file, string remedy, string place = "")
    {
        if (_unknown.Count < HostLimits.Unknown)
        {
            _unknown.Add(new HostUnknown(what, new Evidence(file, place), remedy));
        }
        else if (_unknown.Count == HostLimits.Unknown)
        {
            _unknown.Add(new HostUnknown("what more its files do not say", new Evidence(file, place), HostRemedies.CaptureAgain));
        }
    }

    /// <summary>A line that is not as the kernel writes it: left out, and said.</summary>
    public void Malformed(string file, int line, string expected) =>
        Miss($"what line {line} of {file} says: expected {expected}", file, "a capture made anew", $"line {line}");

    /// <summary>A file as text without white space around it; null where it could not be read.</summary>
    public string? Text(string path) => Decode(path, HostLimits.AttributeBytes) is { } text ? Printable(text.Trim()) : null;

    /// <summary>A file as lines; null where it could not be read.</summary>
    public string[]? Lines(string path, int mostBytes = HostLimits.AttributeBytes) => Decode(path, mostBytes)?.TrimEnd('\n').Split('\n');

    /// <summary>Names in a directory, as many as a host can have.</summary>
    public IEnumerable<string> List(string directory, int most)
    {
        IReadOnlyList<string> names = Files.List(directory);
        if (names.Count > most)
        {
            Miss($"all of {directory}: of {names.Count} entries the first {most} are read", directory, "nothing yet");
        }

        // No name of the kernel's has control characters; a stranger's could rule a terminal or forge a line.
        foreach (string strange in names.Take(most).Where(static name => name.Any(char.IsControl)))
        {
            Miss($"{directory}/{Printable(strange)}: its name has control characters", directory, HostRemedies.CaptureAgain);
        }

        return names.Take(most).Where(static name => !name.Any(char.IsControl));
    }

    private static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(static one => char.IsControl(one) ? '\uFFFD' : one)) : text;

    private string? Decode(string path, int mostBytes)
    {
        if (Files.TryRead(path, out byte[] content) != HostFileStatus.Read)
        {
            return null;
        }

        if (content.Length > mostBytes)
        {
            Miss($"what {path} says: it has {content.Length} bytes, and no kernel writes more than {mostBytes} there", path, HostRemedies.CaptureAgain);
            return null;
        }

        return Encoding.UTF8.GetString(content);
    }

    /// <summary>Last component of where a link points; null where there is none.</summary>
    public string? LinkName(string path) => Files.ReadLink(path) is { } target ? Printable(target[(target.LastIndexOf('/') + 1)..]) : null;

    /// <summary>What a person can do about a file that was not read.</summary>
    public static string RemedyFor(HostFileStatus status, string ifMissing) => status == HostFileStatus.NotPermitted ? HostRemedies.RunAsRoot : ifMissing;

    public static bool TryHex(ReadOnlySpan<char> word, out ulong value)
    {
        value = 0;
        return word.StartsWith("0x") && ulong.TryParse(word[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
