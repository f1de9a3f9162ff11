using System.IO.Compression;
using System.Text;

namespace Doorbell.Hosts;

/// <summary>A kernel's configuration: <c>/proc/config.gz</c>, else what the distribution installed in /boot.</summary>
internal static class KernelConfiguration
{
    // Debian's amd64 configuration, one of the largest, has 270 KiB.
    private const int MostBytes = 8 << 20;

    // Unpacking and taking apart takes longer than all the rest of a host, and of many captures most are of few kernels.
    private static readonly KernelConfigurationCache Known = new();

    public static IReadOnlyDictionary<string, string>? Read(HostReading reading, string? release, out Evidence? evidence)
    {
        HostFileStatus status = reading.Files.TryRead(HostPaths.PackedConfiguration, out byte[] packed);
        if (status == HostFileStatus.Read)
        {
            evidence = new Evidence(HostPaths.PackedConfiguration);
            if (Known.Find(packed) is { } known)
            {
                return known;
            }

            if (Unpack(packed) is { } text)
            {
                Dictionary<string, string> values = Parse(text);
                Known.Add(packed, values);
                return values;
            }

            reading.Miss("the kernel's configuration: the file is not gzip, or larger than a configuration", HostPaths.PackedConfiguration, HostRemedies.CaptureAgain);
        }

        string boot = HostPaths.BootConfiguration + release;
        HostFileStatus bootStatus = release is null || release.Contains('/', StringComparison.Ordinal) ? HostFileStatus.Missing : reading.Files.TryRead(boot, out packed);
        if (bootStatus == HostFileStatus.Read)
        {
            evidence = new Evidence(boot);
            return Parse(packed);
        }

        if (status != HostFileStatus.Read)
        {
            bool isPermitted = status != HostFileStatus.NotPermitted && bootStatus != HostFileStatus.NotPermitted;
            reading.Miss("the kernel's configuration", bootStatus == HostFileStatus.NotPermitted ? boot : HostPaths.PackedConfiguration,
                isPermitted ? $"modprobe configs (CONFIG_IKCONFIG_PROC), or the configuration of the kernel as {HostPaths.BootConfiguration}{release ?? "RELEASE"}" : HostRemedies.RunAsRoot);
        }

        evidence = null;
        return null;
    }

    private static byte[]? Unpack(byte[] packed)
    {
        try
        {
            using var stream = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
            using var text = new MemoryStream(packed.Length * 5);
            byte[] part = new byte[1 << 14];
            for (int read = stream.Read(part); read > 0; read = stream.Read(part))
            {
                if (text.Length + read > MostBytes)
                {
                    return null;
                }

                text.Write(part, 0, read);
            }

            return text.Length > 0 ? text.ToArray() : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    // "CONFIG_X=y", "CONFIG_Y="text""; comments, "# CONFIG_Z is not set" among them, say nothing that is there.
    private static Dictionary<string, string> Parse(ReadOnlySpan<byte> text)
    {
        var values = new Dictionary<string, string>(4096, StringComparer.Ordinal);
        foreach (Range range in text.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[range];
            int equals = line.IndexOf((byte)'=');
            if (equals > 0 && line.StartsWith("CONFIG_"u8))
            {
                ReadOnlySpan<byte> value = line[(equals + 1)..].TrimEnd((byte)'\r');
                values[Encoding.UTF8.GetString(line[..equals])] = value is [(byte)'y'] ? "y" : value is [(byte)'m'] ? "m" : Encoding.UTF8.GetString(value.Trim((byte)'"'));
            }
        }

        return values;
    }
}
