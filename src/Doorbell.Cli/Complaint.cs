namespace Doorbell.Cli;

/// <summary>One sentence to standard error.</summary>
internal static class Complaint
{
    /// <summary>Says it, and gives the status for bad usage.</summary>
    public static int Usage(string sentence)
    {
        Console.Error.WriteLine($"doorbell: {sentence}");
        return ExitCode.Usage;
    }

    /// <summary>Says it, and gives the status of a run that doorbell itself could not carry out.</summary>
    public static int Own(string sentence)
    {
        Console.Error.WriteLine($"doorbell: {sentence}");
        return ExitCode.OwnFailure;
    }

    /// <summary>Says that a command has no such option: the parser takes what begins with a dash for an argument where one may stand.</summary>
    public static int UnknownOption(string option, string command) =>
        Usage($"Unrecognized command or argument \"{option}\". See doorbell {command} --help.");

    /// <summary>Says that nobody can read the rest.</summary>
    public static int Output(string reason)
    {
        Console.Error.WriteLine($"doorbell: the output cannot be written: {reason}");
        return ExitCode.Failure;
    }
}
