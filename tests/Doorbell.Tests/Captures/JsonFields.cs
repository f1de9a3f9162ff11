using System.Globalization;
using System.Text.Json.Nodes;

namespace Doorbell.Tests.Captures;

/// <summary>Fields of a record, spelled as the client that made the captures spells them.</summary>
internal static class JsonFields
{
    public static JsonObject Int(this JsonObject record, string key, long value) => Add(record, key, value);

    public static JsonObject Hex(this JsonObject record, string key, ulong value) => Add(record, key, Hex(value));

    public static JsonObject Text(this JsonObject record, string key, string value) => Add(record, key, value);

    public static JsonObject Flag(this JsonObject record, string key, bool value) => Add(record, key, value);

    public static JsonObject Bytes(this JsonObject record, string key, ReadOnlySpan<byte> value) => Add(record, key, Convert.ToHexStringLower(value));

    public static JsonObject Node(this JsonObject record, string key, JsonNode value) => Add(record, key, value);

    /// <summary>A return value, or a negative errno: ret, errno, err.</summary>
    public static JsonObject Result(this JsonObject record, long result)
    {
        record.Add("ret", result < 0 ? -1 : result);
        if (result < 0)
        {
            record.Add("errno", -result);
            record.Add("err", ((Errno)(-result)).ToString());
        }

        return record;
    }

    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static JsonObject Add(JsonObject record, string key, JsonNode value)
    {
        record.Add(key, value);
        return record;
    }
}
