using Doorbell.Cli.Commands;
using Doorbell.Linux;

// launch is internal, and goes past the parser: the client waits for it.
return args switch
{
    ["launch", ..] => Launcher.Main(args[1..]),
    ["run", ..] => RunCommand.Invoke(args.AsSpan(1)),
    _ => CommandTree.Invoke(args),
};
