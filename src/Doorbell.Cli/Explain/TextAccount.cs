using Doorbell.Events;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Doorbell.Cli.Explain;

/// <summary>The walk for people: a heading a step, sentences and tables, and what the engine told behind them.</summary>
internal sealed class TextAccount : IAccount
{
    /// <summary>Columns where the output is no terminal and nobody says how many: nothing is broken that a person would not break.</summary>
    private const int FileWidth = 1000;

    private const int NarrowestWidth = 20;
    private const int Indent = 3;

    private readonly IAnsiConsole _console;
    private readonly List<MachineEvent> _events = [];
    private readonly VectorEvents _vectors = new();
    private int _steps;
    private bool _isLineBlank;

    public TextAccount(WalkPlan plan, IAnsiConsole console)
    {
        _console = console;
        _console.MarkupLineInterpolated($"[bold]{plan.Machine.Description.Name}[/]: {plan.Machine.Description.Title}");
        _console.MarkupLineInterpolated($"uAPI {plan.UapiName}; doorbells are mapped at {(plan.MappingPointName == "alloc" ? "allocation" : "activation")} of a vector (M8)");
    }

    /// <summary>Standard output, coloured only where a person looks at it.</summary>
    public static IAnsiConsole CreateConsole()
    {
        bool plain = Console.IsOutputRedirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Console.IsOutputRedirected ? new TrimmingWriter(Console.Out) : Console.Out),
        });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out int columns) && columns >= NarrowestWidth ? columns : FileWidth;
            console.Profile.Capabilities.Unicode = true;
        }

        return console;
    }

    public void Begin(StepKind step, string title)
    {
        _events.Clear();
        BlankLine();
        _console.MarkupLineInterpolated($"[bold]{++_steps}. {title}[/]");
        _isLineBlank = false;
    }

    public void Event(MachineEvent machineEvent)
    {
        if (machineEvent is not (Refusal or ExplainEvent))
        {
            _events.Add(machineEvent);
        }
    }

    public void Fact(string sentence) => Indented(new Text(sentence), Indent);

    public void Fact(string sentence, string kind, params IReadOnlyList<(string Name, Cell Value)> values) => Fact(sentence);

    public void Table(AccountTable table)
    {
        if (WidthOf(table) + Indent <= _console.Profile.Width)
        {
            Indented(Grid(table), Indent);
            _isLineBlank = true;
        }
        else
        {
            Records(table);
        }
    }

    public void End()
    {
        List<MachineEvent> lines = _vectors.Thin(_events, out bool leftOut);
        if (lines.Count == 0)
        {
            return;
        }

        Fact("What the engine did:");
        int width = lines.Max(static line => line.Kind.Length);
        foreach (MachineEvent machineEvent in lines)
        {
            Indented(
                new Paragraph(machineEvent.Kind.PadRight(width), new Style(Color.Blue)).Append($"  {EventLine.Of(machineEvent)}"),
                Indent + 2);
        }

        if (leftOut)
        {
            Fact("The other vectors likewise; --json has every event.");
        }
    }

    public void Conclude(Verdict verdict)
    {
        BlankLine();
        _console.MarkupLineInterpolated(verdict.IsGood ? (FormattableString)$"[green]{verdict.Summary}[/]" : $"[red]{verdict.Summary}[/]");
        foreach (string failure in verdict.Failures)
        {
            Indented(new Text(failure, new Style(Color.Red)), Indent);
        }
    }

    public void Dispose()
    {
    }

    private static int WidthOf(AccountTable table)
    {
        const int ColumnPadding = 3;
        int width = 0;
        for (int column = 0; column < table.Columns.Count; column++)
        {
            int widest = Math.Max(table.Columns[column].Heading.Length, table.Rows.Select(row => row[column].Text.Length).DefaultIfEmpty().Max());
            width += widest + ColumnPadding;
        }

        return width;
    }

    private static Table Grid(AccountTable table)
    {
        var grid = new Table { Border = TableBorder.Simple };
        foreach (Column column in table.Columns)
        {
            grid.AddColumn(new TableColumn(new Text(column.Heading, new Style(decoration: Decoration.Bold))) { NoWrap = true });
        }

        foreach (Cell[] row in table.Rows)
        {
            grid.AddRow(row.Select(static cell => new Text(cell.Text)));
        }

        return grid;
    }

    // A terminal too narrow for the table: its rows one below the other, a cell a line.
    private void Records(AccountTable table)
    {
        foreach (Cell[] row in table.Rows)
        {
            for (int column = 0; column < row.Length; column++)
            {
                Indented(new Text($"{table.Columns[column].Heading}: {row[column].Text}"), column == 0 ? Indent : Indent + 2);
            }
        }
    }

    private void Indented(IRenderable content, int columns)
    {
        _console.Write(new Padder(content, new Padding(columns, 0, 0, 0)));
        _isLineBlank = false;
    }

    // A table ends with one of its own.
    private void BlankLine()
    {
        if (!_isLineBlank)
        {
            _console.WriteLine();
        }
    }
}
