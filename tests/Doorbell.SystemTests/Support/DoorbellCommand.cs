namespace Doorbell.SystemTests.Support;

/// <summary><c>doorbell run</c> with its options, as a user would type it.</summary>
internal sealed class DoorbellCommand(string machine)
{
    /// <summary>The slot every machine of the tests has, alone in its IOMMU group.</summary>
    public const string Slot = "0000:01:00.0";

    private readonly List<string> _options = ["run", "--machine", machine];

    /// <summary>The checkout's own, or the one the environment names: ./test runs some tests of what ./publish makes, too.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable(Variable) ?? Repository.PathOf("doorbell");

    /// <summary>The one the environment names: a native program, which starts at once, so that a test can afford to start it often.</summary>
    public static bool IsPublished { get; } = Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>A folder that has the command and everything it needs, once it was run.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable(Variable) is string program
        ? Path.GetDirectoryName(program)!
        : Repository.PathOf("src", "Doorbell.Cli", "bin", "Release", "net10.0");

    private const string Variable = "DOORBELL_COMMAND";

    public DoorbellCommand Device(string model, string slot = Slot)
    {
        _options.AddRange(["--device", $"{slot}={model}"]);
        return this;
    }

    public DoorbellCommand AllowUnsafeInterrupts()
    {
        _options.Add("--allow-unsafe-interrupts");
        return this;
    }

    public DoorbellCommand Uapi(string profile)
    {
        _options.AddRange(["--uapi", profile]);
        return this;
    }

    public DoorbellCommand Report(string file)
    {
        _options.AddRange(["--report", file]);
        return this;
    }

    public DoorbellCommand Trace(string file)
    {
        _options.AddRange(["--trace", file]);
        return this;
    }

    public Outcome ToEnd(TimeSpan patience, params string[] program) => Run.ToEnd(Program, Arguments(program), patience);

    public Run Start(string? temporary, params string[] program) => Run.Start(Program, Arguments(program), temporary);

    public string[] Arguments(params string[] program) => [.. _options, "--", .. program];
}
