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

        // A view would be ours by its name, or by where it lies; what others mount elsewhere meanwhile is theirs.
        IEnumerable<string> mounts = File.ReadLines("/proc/self/mounts")
            .Where(line => line.Contains("doorbell", StringComparison.OrdinalIgnoreCase) || line.Contains(" /sys", StringComparison.Ordinal) || line.Contains(" /dev", StringComparison.Ordinal));
        return mounts.Concat(files);
    }
}
