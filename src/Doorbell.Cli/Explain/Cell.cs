using Doorbell.Events;

namespace Doorbell.Cli.Explain;

/// <summary>One value of a table: text, or a number that a program gets as a number.</summary>
internal readonly record struct Cell(string Text, long? Number = null)
{
    public static implicit operator Cell(string text) => new(text);

    public static implicit operator Cell(long number) => new(number.ToString(System.Globalization.CultureInfo.InvariantCulture), number);

    public static implicit operator Cell(Iova iova) => new(iova.ToString());

    public static implicit operator Cell(PhysicalAddress address) => new(address.ToString());

    /// <summary>A number in hexadecimal, as every event has it.</summary>
    public static Cell Hex(ulong value) => new($"0x{value:x}");

    /// <summary>Hands it to a program.</summary>
    public void Describe(IEventFields fields, string name)
    {
        if (Number is { } number)
        {
            fields.Number(name, number);
        }
        else
        {
            fields.Text(name, Text);
        }
    }
}
