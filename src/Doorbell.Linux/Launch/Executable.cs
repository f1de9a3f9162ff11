namespace Doorbell.Linux.Launch;

/// <summary>What is known of a program before it starts.</summary>
internal static class Executable
{
    /// <summary>The path of a program that would run with others' rights (T11); null for an ordinary one, or none.</summary>
    internal static string? FindSetUid(string program)
    {
        string? path = program.Contains('/', StringComparison.Ordinal)
            ? program
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        return path is not null && OperatingSystem.IsLinux() && File.Exists(path) && (File.GetUnixFileMode(path) & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0 ? path : null;
    }
}
