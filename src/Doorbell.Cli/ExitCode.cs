namespace Doorbell.Cli;

/// <summary>What the command's exit status means.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>explain: something did not go as it must.</summary>
    public const int Failure = 1;

    /// <summary>check: what was asked could not be told. (A wrong command line of check is <see cref="OwnFailure"/>.)</summary>
    public const int NotKnown = 2;

    /// <summary>run: doorbell itself failed, the program did not run (or did not end by itself).</summary>
    public const int OwnFailure = 125;

    /// <summary>The command line or a file it names is wrong.</summary>
    public const int Usage = 2;
}
