using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic.Events;
using Doorbell.Machines;
using Doorbell.Msi.Events;
using Spectre.Console;

namespace Doorbell.Cli.Explain;

/// <summary>The walk for people: a heading and sentences a step, tables for vectors, and the events behind them.</summary>
internal sealed class TextAccount : IAccount
{
    /// <summary>Columns where the output is no terminal: nothing is broken that a person would not break.</summary>
    private const int FileWidth = 1000;

    private readonly IAnsiConsole _console;
    private readonly MachineDescription _machine;
    private readonly List<MachineEvent> _events = [];
    private readonly VectorEvents _vectors = new();
    private StepKind _step;
    private int _steps;

    public TextAccount(MachineDescription machine, IAnsiConsole console)
    {
        _machine = machine;
        _console = console;
        _console.MarkupLineInterpolated($"[bold]{machine.Name}[/]: {machine.Title}");
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
            console.Profile.Width = FileWidth;
            console.Profile.Capabilities.Unicode = true;
        }

        return console;
    }

    public void Begin(StepKind step, string title)
    {
        _step = step;
        _events.Clear();
        _console.WriteLine();
        _console.MarkupLineInterpolated($"[bold]{++_steps}. {title}[/]");
    }

    public void Event(MachineEvent machineEvent) => _events.Add(machineEvent);

    public void Fact(string sentence) => Indented(new Text(sentence), 3);

    public void End()
    {
        switch (_step)
        {
            case StepKind.Arm:
                Indented(VectorTable(), 3);
                Events(_events);
                break;
            case StepKind.Raise:
                Hops(_events);
                if (_events.OfType<MsiDeliverEvent>().Skip(1).Any())
                {
                    Fact("All of them:");
                    Indented(DeliveryTable(), 5);
                }

                break;
            case StepKind.Move:
                Events(_events.TakeWhile(e => e is not MsiWritten));
                Hops(_events);
                break;
            default:
                Events(_events.Where(e => e is not Refusal));
                break;
        }
    }

    public void Conclude(Verdict verdict)
    {
        _console.WriteLine();
        _console.MarkupLineInterpolated(verdict.IsGood ? (FormattableString)$"[green]{verdict.Summary}[/]" : $"[red]{verdict.Summary}[/]");
        foreach (string failure in verdict.Failures)
        {
            Indented(new Text(failure, new Style(Color.Red)), 3);
        }
    }

    public void Dispose()
    {
    }

    private Table VectorTable()
    {
        Table table = Begin("vector", "message: IOVA <- data", "doorbell", "INTID", "CPU");
        foreach (MsiVectorEvent armed in _events.OfType<MsiVectorEvent>().Where(e => e.Change == MsiVectorChange.Arm))
        {
            MsiMessageEvent? message = _events.OfType<MsiMessageEvent>().LastOrDefault(e => e.Vector == armed.Vector || e.MsiKind == Msi.MsiKind.Msi);
            Row(table, $"{armed.Vector}", message?.Message.ToString() ?? "none", message?.Doorbell.ToString() ?? "none", $"{armed.Intid}", $"{armed.Cpu}");
        }

        return table;
    }

    private Table DeliveryTable()
    {
        Table table = Begin("RequesterID", "StreamID", "IOVA", "PA", "DeviceID", PayloadName, "INTID", "CPU", "arrived at");
        MsiWritten? written = null;
        foreach (MachineEvent machineEvent in _events)
        {
            switch (machineEvent)
            {
                case MsiWritten write:
                    written = write;
                    break;
                case MsiDeliverEvent delivery when written is not null:
                    Row(
                        table,
                        written.RequesterId.ToString(),
                        written.StreamId?.ToString() ?? "none",
                        written.Iova.ToString(),
                        written.Address.ToString(),
                        delivery.DeviceId.ToString(),
                        $"{delivery.Data}",
                        $"{delivery.Intid}",
                        $"{delivery.Cpu}",
                        $"{delivery.Device} vector {delivery.Vector}");
                    written = null;
                    break;
            }
        }

        return table;
    }

    // What the payload of these MSIs is to their controller.
    private string PayloadName => _events.OfType<MsiDeliverEvent>().Select(delivery => Find(delivery.Controller)).FirstOrDefault(controller => controller is not null) switch
    {
        GicV3ItsDescription => "EventID",
        SocMsiDescription => "MSI",
        _ => "SPI",
    };

    private MsiControllerDescription? Find(string controller) => _machine.MsiControllers.FirstOrDefault(description => description.Name == controller);

    // One MSI, every place it passes.
    private void Hops(IReadOnlyList<MachineEvent> events)
    {
        if (events.OfType<MsiWritten>().FirstOrDefault() is not { } written)
        {
            return;
        }

        Table table = Begin();
        table.HideHeaders();
        Row(table, "device", $"{written.Device} writes {written.Data} (0x{written.Data:x}) to IOVA {written.Iova}, as RequesterID {written.RequesterId}");
        Row(table, "IOMMU", written.StreamId is { } stream ? $"StreamID {stream}: IOVA {written.Iova} is PA {written.Address}" : $"none: PA {written.Address}");
        Row(table, "bus", $"PA {written.Address} is the doorbell of {written.Target}");
        if (events.OfType<MsiDeliverEvent>().FirstOrDefault() is { } delivery)
        {
            MsiControllerDescription? controller = Find(delivery.Controller);
            Row(table, "controller", controller switch
            {
                GicV3ItsDescription => $"{delivery.Controller}: DeviceID {delivery.DeviceId}, EventID {delivery.Data} is LPI {delivery.Intid}",
                SocMsiDescription => $"{delivery.Controller}: MSI {delivery.Data}, whoever writes it",
                _ => $"{delivery.Controller}: SPI {delivery.Data}, whoever writes it",
            });
            Row(table, "GIC", controller is SocMsiDescription ? $"the interrupt its MSIs share goes to CPU {delivery.Cpu}" : $"INTID {delivery.Intid} goes to CPU {delivery.Cpu}");
            Row(table, "VFIO", $"vector {delivery.Vector} of {delivery.Device}: its eventfd is signalled");
        }

        Indented(table, 3);
    }

    private void Events(IEnumerable<MachineEvent> events)
    {
        List<MachineEvent> lines = _vectors.Thin(events, out bool leftOut);
        if (lines.Count == 0)
        {
            return;
        }

        Table table = Begin();
        table.HideHeaders();
        foreach (MachineEvent machineEvent in lines)
        {
            table.AddRow(new Text(machineEvent.Kind, new Style(Color.Blue)), new Text(EventLine.Of(machineEvent)));
        }

        Indented(table, 3);
        if (leftOut)
        {
            Fact("The other vectors likewise; --json has every event.");
        }
    }

    private static Table Begin(params ReadOnlySpan<string> columns)
    {
        var table = new Table { Border = columns.IsEmpty ? TableBorder.None : TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))) { NoWrap = true });
        }

        if (columns.IsEmpty)
        {
            table.AddColumn(new TableColumn("") { NoWrap = true });
            table.AddColumn(new TableColumn(""));
        }

        return table;
    }

    private static void Row(Table table, params ReadOnlySpan<string> cells)
    {
        var texts = new Text[cells.Length];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = new Text(cells[i]);
        }

        table.AddRow(texts);
    }

    private void Indented(Spectre.Console.Rendering.IRenderable content, int columns) =>
        _console.Write(new Padder(content, new Padding(columns, 0, 0, 0)));
}
