namespace Doorbell.Linux;

/// <summary>Runs a program against a machine.</summary>
public static class Runner
{
    /// <summary>Runs it to its end.</summary>
    /// <returns>The exit status for the caller: the program's own, 128 + n where signal n ended it, 125 where Doorbell itself failed.</returns>
    public static int Run(RunOptions options)
    {
        Console.Error.WriteLine($"doorbell: {options.Command[0]} was not started: this build has no transport yet.");
        return 125;
    }
}
