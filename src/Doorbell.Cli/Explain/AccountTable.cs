namespace Doorbell.Cli.Explain;

/// <summary>Facts of one kind: a table for people, one object a row for programs, so that neither gets more than the other.</summary>
/// <param name="kind">What a row is, for programs: <c>explain.KIND</c>.</param>
/// <param name="columns">The columns, in the order a person reads them.</param>
internal sealed class AccountTable(string kind, params Column[] columns)
{
    private readonly List<Cell[]> _rows = [];

    /// <summary>What a row is.</summary>
    public string Kind { get; } = kind;

    /// <summary>Its columns.</summary>
    public IReadOnlyList<Column> Columns { get; } = columns;

    /// <summary>Its rows, a cell a column.</summary>
    public IReadOnlyList<Cell[]> Rows => _rows;

    /// <summary>Adds a row.</summary>
    public void Add(params Cell[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, Columns.Count);
        _rows.Add(cells);
    }
}
