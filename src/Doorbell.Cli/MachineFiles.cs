using Doorbell.Machines;
using Doorbell.Machines.Yaml;

namespace Doorbell.Cli;

/// <summary>Machines by name, from the folder beside the program, or by path.</summary>
internal static class MachineFiles
{
    private const string Extension = ".yaml";

    public static string Folder => Path.Combine(AppContext.BaseDirectory, "machines");

    /// <summary>The names there are, sorted.</summary>
    public static IReadOnlyList<string> Names => Directory.Exists(Folder)
        ? [.. Directory.EnumerateFiles(Folder, "*" + Extension).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Reads a machine; the reason is a whole sentence.</summary>
    public static Result<MachineDescription> Load(string nameOrPath)
    {
        bool isPath = nameOrPath.EndsWith(Extension, StringComparison.Ordinal) || nameOrPath.Contains('/', StringComparison.Ordinal);
        string path = isPath ? nameOrPath : Path.Combine(Folder, nameOrPath + Extension);
        if (!File.Exists(path))
        {
            return Result.Fail(Errno.ENOENT, isPath
                ? $"there is no machine file {nameOrPath}."
                : $"there is no machine \"{nameOrPath}\": expected {string.Join(", ", Names)}, or a path that ends in .yaml.");
        }

        try
        {
            return MachineYaml.Read(isPath ? nameOrPath : Path.GetFileName(path), File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Result.Fail(Errno.EIO, $"{nameOrPath} cannot be read: {e.Message}");
        }
    }
}
