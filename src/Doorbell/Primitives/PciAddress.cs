using System.Globalization;

namespace Doorbell;

/// <summary>A PCI function's place: segment (domain), bus, device, function. Printed as Linux does: <c>0000:01:00.0</c>.</summary>
public readonly record struct PciAddress(ushort Segment, byte Bus, byte Device, byte Function) : IComparable<PciAddress>
{
    /// <summary>The requester ID the function puts on the bus (PCIe base 2.2.6.2), without bridge aliases.</summary>
    public RequesterId RequesterId => new((ushort)((Bus << 8) | (Device << 3) | Function));

    /// <summary>Device and function in one byte, as config space addressing wants it.</summary>
    public byte DevFn => (byte)((Device << 3) | Function);

    /// <summary>Reads <c>ssss:bb:dd.f</c> or <c>bb:dd.f</c> (segment 0), hexadecimal.</summary>
    public static bool TryParse(string? text, out PciAddress address)
    {
        address = default;
        if (text is null)
        {
            return false;
        }

        ReadOnlySpan<char> rest = text;
        ushort segment = 0;
        if (rest.Length == 12 && rest[4] == ':')
        {
            if (!ushort.TryParse(rest[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out segment))
            {
                return false;
            }

            rest = rest[5..];
        }

        if (rest.Length != 7 || rest[2] != ':' || rest[5] != '.'
            || !byte.TryParse(rest[..2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte bus)
            || !byte.TryParse(rest[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte device)
            || device > 31 || rest[6] is < '0' or > '7')
        {
            return false;
        }

        address = new PciAddress(segment, bus, device, (byte)(rest[6] - '0'));
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(PciAddress other) => Key.CompareTo(other.Key);

    /// <inheritdoc/>
    public static bool operator <(PciAddress left, PciAddress right) => left.Key < right.Key;

    /// <inheritdoc/>
    public static bool operator >(PciAddress left, PciAddress right) => left.Key > right.Key;

    /// <inheritdoc/>
    public static bool operator <=(PciAddress left, PciAddress right) => left.Key <= right.Key;

    /// <inheritdoc/>
    public static bool operator >=(PciAddress left, PciAddress right) => left.Key >= right.Key;

    private uint Key => ((uint)Segment << 16) | RequesterId.Value;

    /// <inheritdoc/>
    public override string ToString() => $"{Segment:x4}:{Bus:x2}:{Device:x2}.{Function}";
}
