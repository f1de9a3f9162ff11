using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Doorbell.Cli.Compare;

namespace Doorbell.Tests.Captures;

/// <summary>What real Linux answered, as copied beside the tests (data/README.md).</summary>
internal static class CaptureFiles
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Captures", "data");

    /// <summary>Every suite there is, as <c>board/suite</c>.</summary>
    public static IEnumerable<string> Suites =>
        from board in Directory.EnumerateDirectories(Folder).Order(StringComparer.Ordinal)
        from file in Directory.EnumerateFiles(board, "*.jsonl.gz").Order(StringComparer.Ordinal)
        where Path.GetFileName(file) != "pci.jsonl.gz"
        select $"{Path.GetFileName(board)}/{Path.GetFileName(file)[..^".jsonl.gz".Length]}";

    /// <summary>The records of a file, in its order.</summary>
    /// <param name="name">As in <c>virt-gicv3-its-smmuv3/type1</c>.</param>
    public static List<JsonObject> Read(string name) =>
        [.. CaptureFile.Read(Path.Combine(Folder, $"{name}.jsonl.gz")).Value];

    /// <summary>A file as it is.</summary>
    public static string ReadText(string name) => Encoding.UTF8.GetString(ReadBytes($"{name}.jsonl"));

    /// <summary>A file as it is, its own ending included.</summary>
    public static byte[] ReadBytes(string file)
    {
        using var unpacked = new MemoryStream();
        using var packed = new GZipStream(File.OpenRead(Path.Combine(Folder, $"{file}.gz")), CompressionMode.Decompress);
        packed.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}
