using Doorbell.Hosts;

namespace Doorbell.Tests.Hosts.Acpi;

/// <summary>A host that has some files; null stands for one that only root may read.</summary>
internal sealed class HostFilesOf(params (string Path, byte[]? Content)[] files) : IHostFiles
{
    private readonly Dictionary<string, byte[]?> _files = files.ToDictionary(file => file.Path, file => file.Content);

    public string Name => "a test's host";

    public HostFileStatus TryRead(string path, out byte[] content)
    {
        content = _files.GetValueOrDefault(path) ?? [];
        return StatusOf(path);
    }

    public IReadOnlyList<string> List(string directory) =>
        [.. _files.Keys.Where(path => path.StartsWith($"{directory}/", StringComparison.Ordinal)).Select(path => path[(directory.Length + 1)..].Split('/')[0]).Distinct().Order(StringComparer.Ordinal)];

    public string? ReadLink(string path) => null;

    public HostFileStatus StatusOf(string path) =>
        !_files.TryGetValue(path, out byte[]? content) ? HostFileStatus.Missing : content is null ? HostFileStatus.NotPermitted : HostFileStatus.Read;
}
