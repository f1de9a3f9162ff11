using Spectre.Console;

namespace Doorbell.Cli.Machines;

/// <summary>A table of plain texts.</summary>
internal sealed class TextTable
{
    private readonly Table _table = new() { Border = TableBorder.Simple };

    public TextTable(params ReadOnlySpan<string> columns)
    {
        foreach (string column in columns)
        {
            _table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))));
        }
    }

    public void Add(params ReadOnlySpan<string> cells)
    {
        var texts = new Text[cells.Length];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = new Text(cells[i]);
        }

        _table.AddRow(texts);
    }

    public void Print(IAnsiConsole console) => console.Write(_table);
}
