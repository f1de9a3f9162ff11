using System.Globalization;
using System.Text;
using Doorbell.Events;

namespace Doorbell.Cli.Explain;

/// <summary>An event as a line for people: its kind, then names and values.</summary>
internal sealed class EventLine : IEventFields
{
    private readonly StringBuilder _line = new();

    private EventLine()
    {
    }

    public static string Of(MachineEvent machineEvent)
    {
        var line = new EventLine();
        machineEvent.Describe(line);
        return line._line.ToString();
    }

    public void Text(string name, string value) => Add(name, value);

    public void Hex(string name, ulong value) => Add(name, $"0x{value:x}");

    public void Number(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    private void Add(string name, string value)
    {
        if (_line.Length > 0)
        {
            _line.Append("  ");
        }

        _line.Append(name).Append(' ').Append(value);
    }
}
