using System.Diagnostics;

namespace Doorbell.Tests.Cli;

/// <summary>The doorbell command, run as a process out of the tests' own folder.</summary>
internal static class Command
{
    public static (int Status, string Output, string Error) Run(params IReadOnlyList<string> args) => RunWith(null, args);

    /// <summary>With one variable of the environment set, <c>NAME=value</c>.</summary>
    public static (int Status, string Output, string Error) RunWith(string? variable, params IReadOnlyList<string> args)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Doorbell.Cli.dll"));
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        if (variable?.Split('=', 2) is [var name, var value])
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
