using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Doorbell.Linux;

namespace Doorbell.Cli.Compare;

/// <summary>A file of records, one JSON object a line, perhaps packed (gzip).</summary>
internal static class CaptureFile
{
    /// <summary>Reads it; the reason is a whole sentence that names file and line.</summary>
    public static Result<IReadOnlyList<JsonObject>> Read(string file)
    {
        Result<byte[]> bytes = DeviceFiles.Read(file);
        Result<string> text = bytes.IsOk ? Unpack(file, bytes.Value) : bytes.WithoutValue;
        return text.IsOk ? Parse(file, text.Value) : text.WithoutValue;
    }

    /// <summary>The suite a file is of: its folder and its name, as in <c>virt-gicv3-its-smmuv3/type1</c>.</summary>
    public static string SuiteOf(string file)
    {
        string name = Path.GetFileName(file);
        foreach (string ending in (ReadOnlySpan<string>)[".gz", ".jsonl"])
        {
            name = name.EndsWith(ending, StringComparison.Ordinal) ? name[..^ending.Length] : name;
        }

        return $"{Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)))}/{name}";
    }

    /// <summary>The records of a text.</summary>
    public static Result<IReadOnlyList<JsonObject>> Parse(string file, string text)
    {
        List<JsonObject> records = [];
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            if (Parse(line) is not { } record || record["name"] is not JsonValue name || name.GetValueKind() != JsonValueKind.String)
            {
                return Result.Fail(Errno.EINVAL, $"{file}:{number}: expected a record, a JSON object with a \"name\".");
            }

            records.Add(record);
        }

        return records.Count != 0 ? records : Result.Fail(Errno.EINVAL, $"{file}: expected records, one JSON object a line, and found none.");
    }

    private static JsonObject? Parse(string line)
    {
        try
        {
            // The record group_of has the group's name under the key of its own.
            return JsonNode.Parse(line.Replace(",\"name\":\"vfio-noiommu\"", ",\"group_name\":\"vfio-noiommu\"", StringComparison.Ordinal)) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Result<string> Unpack(string file, byte[] bytes)
    {
        const long Most = 256L << 20;
        if (bytes is not [0x1f, 0x8b, ..])
        {
            return Encoding.UTF8.GetString(bytes);
        }

        try
        {
            using var packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            using var unpacked = new MemoryStream();
            Span<byte> part = stackalloc byte[4096];
            for (int count; (count = packed.Read(part)) > 0 && unpacked.Length < Most;)
            {
                unpacked.Write(part[..count]);
            }

            return unpacked.Length < Most ? Encoding.UTF8.GetString(unpacked.ToArray()) : Result.Fail(Errno.EINVAL, $"{file}: expected less than {Most >> 20} MiB of records.");
        }
        catch (InvalidDataException wrong)
        {
            return Result.Fail(Errno.EINVAL, $"{file}: expected gzip or JSON lines: {wrong.Message}");
        }
    }
}
