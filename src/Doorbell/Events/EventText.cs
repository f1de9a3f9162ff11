using System.Globalization;
using System.Text;

namespace Doorbell.Events;

/// <summary>An event on one line, for logs and debuggers: <c>iommu.map iommu=smmu domain=1 iova=0x8000000</c>.</summary>
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

    public void Text(string name, string value) => _text.Append(CultureInfo.InvariantCulture, $" {name}={(value.Contains(' ', StringComparison.Ordinal) ? $"\"{value}\"" : value)}");

    public void Hex(string name, ulong value) => _text.Append(CultureInfo.InvariantCulture, $" {name}=0x{value:x}");

    public void Number(string name, long value) => _text.Append(CultureInfo.InvariantCulture, $" {name}={value}");
}
