using Doorbell.Linux;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Machines.Yaml;

namespace Doorbell.Cli;

/// <summary>Machines by name, from the folder beside the program, or by path.</summary>
internal static class MachineFiles
{
    /// <summary>How a device tree's name ends.</summary>
    public const string DeviceTreeExtension = ".dtb";

    private const string Extension = ".yaml";

    public static string Folder => Path.Combine(AppContext.BaseDirectory, "machines");

    /// <summary>The names there are, sorted.</summary>
    public static IReadOnlyList<string> Names => Directory.Exists(Folder)
        ? [.. Directory.EnumerateFiles(Folder, "*" + Extension).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Whether it names a machine that comes with the program, or is by its ending a machine's file.</summary>
    public static bool IsMachine(string nameOrPath) =>
        nameOrPath.EndsWith(DeviceTreeExtension, StringComparison.Ordinal) || nameOrPath.EndsWith(Extension, StringComparison.Ordinal)
        || (!nameOrPath.Contains('/', StringComparison.Ordinal) && File.Exists(Path.Combine(Folder, nameOrPath + Extension)));

    /// <summary>Reads a machine; the reason is a whole sentence.</summary>
    public static Result<MachineDescription> Load(string nameOrPath)
    {
        bool isTree = nameOrPath.EndsWith(DeviceTreeExtension, StringComparison.Ordinal);
        bool isPath = isTree || nameOrPath.EndsWith(Extension, StringComparison.Ordinal) || nameOrPath.Contains('/', StringComparison.Ordinal);
        string path = isPath ? nameOrPath : Path.Combine(Folder, nameOrPath + Extension);
        if (!File.Exists(path))
        {
            return Result.Fail(Errno.ENOENT, isPath
                ? $"there is no machine file {nameOrPath}."
                : $"there is no machine \"{nameOrPath}\": expected {string.Join(", ", Names)}, or a path that ends in .yaml or .dtb.");
        }

        Result<byte[]> bytes = DeviceFiles.Read(path);
        if (!bytes.IsOk)
        {
            return bytes.WithoutValue;
        }

        return isTree
            ? DeviceTreeMachine.Read(nameOrPath, bytes.Value)
            : MachineYaml.Read(isPath ? nameOrPath : Path.GetFileName(path), Text(bytes.Value));
    }

    private static string Text(byte[] bytes)
    {
        using var reader = new StreamReader(new MemoryStream(bytes));
        return reader.ReadToEnd();
    }
}
