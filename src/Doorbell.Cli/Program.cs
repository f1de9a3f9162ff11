using Doorbell.Cli;
using Doorbell.Cli.Commands;
using Doorbell.Linux;

switch (args)
{
    // launch is internal, and goes past the parser: the client waits for it.
    case ["launch", ..]:
        return Launcher.Main(args[1..]);
    case ["run", ..]:
        Terminal.LeaveAlone();
        if (args.Contains("--"))
        {
            Runner.Prepare();
        }

        return RunCommand.Invoke(args.AsSpan(1));
    default:
        Terminal.LeaveAlone();
        try
        {
            int status = CommandTree.Invoke(args);
            Console.Out.Flush();
            return status;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            int failed = Complaint.Output(unwritable.Message);
            return args is ["check", ..] ? ExitCode.OwnFailure : failed;
        }
}
