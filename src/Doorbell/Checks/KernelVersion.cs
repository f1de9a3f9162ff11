using System.Globalization;

namespace Doorbell.Checks;

/// <summary>The first two numbers of a kernel's release.</summary>
internal readonly record struct KernelVersion(int Major, int Minor) : IComparable<KernelVersion>
{
    /// <summary>Of <c>6.1.0-40-arm64</c>; null where it begins otherwise.</summary>
    public static KernelVersion? Parse(string? release)
    {
        if (release is null)
        {
            return null;
        }

        string[] parts = release.Split('.', 3);
        int digits = parts.Length > 1 ? parts[1].TakeWhile(char.IsAsciiDigit).Count() : 0;
        return digits > 0
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            && int.TryParse(parts[1].AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out int minor)
            ? new KernelVersion(major, minor)
            : null;
    }

    public int CompareTo(KernelVersion other) => Major != other.Major ? Major.CompareTo(other.Major) : Minor.CompareTo(other.Minor);

    public static bool operator <(KernelVersion left, KernelVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(KernelVersion left, KernelVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(KernelVersion left, KernelVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(KernelVersion left, KernelVersion right) => left.CompareTo(right) >= 0;
}
