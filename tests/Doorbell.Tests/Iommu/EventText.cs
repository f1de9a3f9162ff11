using System.Text;
using Doorbell.Events;

namespace Doorbell.Tests.Iommu;

/// <summary>An event on one line.</summary>
internal sealed class EventText : IEventFields
{
    private readonly StringBuilder _text = new();

    public static string Of(MachineEvent machineEvent)
    {
        EventText fields = new();
        fields._text.Append(machineEvent.Kind);
        machineEvent.Describe(fields);
        return fields._text.ToString();
    }

    public void Text(string name, string value) => _text.Append($" {name}={value}");

    public void Hex(string name, ulong value) => _text.Append($" {name}=0x{value:x}");

    public void Number(string name, long value) => _text.Append($" {name}={value}");
}
