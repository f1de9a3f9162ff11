namespace Doorbell.SystemTests.Support;

/// <summary>How a program ended.</summary>
internal sealed record Outcome(string Command, int ExitCode, string Output, string Errors)
{
    public IEnumerable<string> Lines => Output.Split('\n').Select(line => line.TrimEnd('\r'));

    /// <summary>Everything there is to read, for a failed assertion.</summary>
    public string Report => $"{Command}\nended with {ExitCode}\n--- stdout\n{Output}\n--- stderr\n{Errors}";

    public Outcome MustSucceed()
    {
        Assert.True(ExitCode == 0, Report);
        return this;
    }
}
