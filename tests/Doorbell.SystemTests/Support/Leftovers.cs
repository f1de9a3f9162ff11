namespace Doorbell.SystemTests.Support;

/// <summary>What this computer has mounted and has lying in the places for temporary things, to be compared with later.</summary>
internal sealed class Leftovers
{
    private readonly HashSet<string> _before = [.. Look()];

    /// <summary>What has come since: mounts, and files that bear Doorbell's name.</summary>
    public IReadOnlyList<string> Find() => [.. Look().Where(thing => !_before.Contains(thing))];

    private static IEnumerable<string> Look()
    {
        IEnumerable<string> files = new[] { "/tmp", "/var/tmp", "/dev/shm", "/run" }
            .Where(Directory.Exists)
            .SelectMany(Directory.EnumerateFileSystemEntries)
            .Where(path => path.Contains("doorbell", StringComparison.OrdinalIgnoreCase) && !path.Contains("doorbell-test-", StringComparison.Ordinal)
                && !path.Contains("doorbell-abi-", StringComparison.Ordinal));
        return File.ReadLines("/proc/self/mounts").Concat(files);
    }
}
