namespace Doorbell.SystemTests.Support;

/// <summary>A folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("doorbell-test-");

    public string Path => _folder.FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Folder(string name) => _folder.CreateSubdirectory(name).FullName;

    /// <summary>A sparse file of <paramref name="mebibytes"/> MiB.</summary>
    public string Disk(int mebibytes)
    {
        string path = File("disk.img");
        using FileStream disk = System.IO.File.Create(path);
        disk.SetLength(mebibytes * 1024L * 1024L);
        return path;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
