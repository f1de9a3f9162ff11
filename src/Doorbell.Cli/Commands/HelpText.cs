using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Doorbell.Cli.Commands;

/// <summary>Help written out, as a stranger should read it.</summary>
internal sealed class HelpText(string text) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    /// <summary>A help option that prints the text.</summary>
    public static HelpOption Option(string text) => new() { Action = new HelpText(text) };

    public override int Invoke(ParseResult parseResult)
    {
        Console.Out.WriteLine(text);
        return ExitCode.Success;
    }
}
