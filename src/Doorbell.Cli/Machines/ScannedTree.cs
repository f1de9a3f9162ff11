using Doorbell.Linux;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;

namespace Doorbell.Cli.Machines;

/// <summary>A device tree of a folder, and what the loader says of it.</summary>
/// <param name="File">Path from the folder.</param>
/// <param name="Model">What it calls its board; null where it does not say.</param>
/// <param name="Survey">The machine, built; null where it is refused.</param>
/// <param name="Errno">Why it is refused.</param>
/// <param name="Reason">The sentence, without the file's name; null where it loads.</param>
internal sealed record ScannedTree(string File, string? Model, MachineSurvey? Survey, Errno Errno, string? Reason)
{
    /// <summary>Reads one.</summary>
    public static ScannedTree Read(string folder, string path)
    {
        string file = Path.GetRelativePath(folder, path);
        if (!DeviceFiles.IsRegular(path))
        {
            return new ScannedTree(file, null, null, Errno.EINVAL, "it is no regular file.");
        }

        Result<byte[]> blob = DeviceFiles.Read(path);
        if (!blob.IsOk)
        {
            return new ScannedTree(file, null, null, blob.Errno, blob.Reason);
        }

        string? model = DeviceTreeMachine.ReadModel(blob.Value);
        Result<MachineDescription> machine = DeviceTreeMachine.Read(file, blob.Value);
        Result<MachineSurvey> survey = machine.IsOk ? MachineSurvey.Of(machine.Value) : machine.WithoutValue;
        return survey.IsOk
            ? new ScannedTree(file, model, survey.Value, Errno.None, null)
            : new ScannedTree(file, model, null, survey.Errno, survey.Reason.StartsWith(file + ": ", StringComparison.Ordinal) ? survey.Reason[(file.Length + 2)..] : survey.Reason);
    }

    /// <summary>Every device tree in the folder and below it, by path.</summary>
    public static IEnumerable<ScannedTree> ReadAll(string folder) =>
        Directory.EnumerateFiles(folder, "*" + MachineFiles.DeviceTreeExtension, new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None, MaxRecursionDepth = 16 })
            .Order(StringComparer.Ordinal)
            .Select(path => Read(folder, path));
}
