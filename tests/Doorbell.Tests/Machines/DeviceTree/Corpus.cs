namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>Every device tree of Debian 12's arm64 kernel package, as <c>./test</c> puts them into the cache.</summary>
internal static class Corpus
{
    private static readonly string Guest = Path.Combine(Environment.GetEnvironmentVariable("DOORBELL_CACHE") ?? Path.Combine(Root(), ".cache"), "guest-arm64");

    /// <summary>Where they are.</summary>
    public static string Folder => Path.Combine(Guest, "dtbs");

    /// <summary>The package, with its version.</summary>
    public static string Package => File.ReadLines(Path.Combine(Guest, "version")).First();

    /// <summary>Skips where they are missing; in CI, where everything can be had, that is a failure.</summary>
    public static void Require()
    {
        bool present = Directory.Exists(Folder);
        if (!present && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"{Folder} is missing, and nothing may be missing in CI: run ./test, or tests/guest/prepare arm64 CACHE");
        }

        Skip.IfNot(present, $"SKIPPED: {Folder} is missing: run ./test, or tests/guest/prepare arm64 CACHE");
    }

    /// <summary>Each with its path below the folder.</summary>
    public static IEnumerable<(string File, byte[] Blob)> Read() =>
        Directory.EnumerateFiles(Folder, "*.dtb", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(path => (Path.GetRelativePath(Folder, path), File.ReadAllBytes(path)));

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Doorbell.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? AppContext.BaseDirectory;
    }
}
