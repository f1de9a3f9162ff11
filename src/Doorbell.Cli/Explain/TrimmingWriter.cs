using System.Text;

namespace Doorbell.Cli.Explain;

/// <summary>Leaves out the blanks at the ends of lines, which tables are padded with.</summary>
internal sealed class TrimmingWriter(TextWriter output) : TextWriter
{
    private readonly StringBuilder _line = new();

    public override Encoding Encoding => output.Encoding;

    public override void Write(char value)
    {
        if (value != '\n')
        {
            _line.Append(value);
            return;
        }

        output.WriteLine(_line.ToString().TrimEnd());
        _line.Clear();
    }

    public override void Flush()
    {
        output.Write(_line.ToString());
        _line.Clear();
        output.Flush();
    }
}
