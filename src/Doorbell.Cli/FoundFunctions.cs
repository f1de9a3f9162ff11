using System.Text;
using Doorbell.Devices;
using Doorbell.Linux;

namespace Doorbell.Cli;

/// <summary>The value of <c>--functions</c>: a capture of a machine's functions (<see cref="PciCapture"/>).</summary>
internal static class FoundFunctions
{
    /// <summary>Reads it; none where there is no file. The reason is a whole sentence.</summary>
    public static Result<IReadOnlyList<CapturedAt>> Read(string? file)
    {
        if (file is null)
        {
            return Result.Of<IReadOnlyList<CapturedAt>>([]);
        }

        Result<byte[]> bytes = DeviceFiles.Read(file);
        return bytes.IsOk ? PciCapture.Read(file, Encoding.UTF8.GetString(bytes.Value)) : bytes.WithoutValue;
    }
}
