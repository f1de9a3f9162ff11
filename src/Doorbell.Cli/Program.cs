using Doorbell.Cli.Commands;

return args is ["run", ..] ? RunCommand.Invoke(args.AsSpan(1)) : CommandTree.Invoke(args);
