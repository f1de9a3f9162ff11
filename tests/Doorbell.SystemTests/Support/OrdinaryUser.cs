using System.Runtime.InteropServices;

namespace Doorbell.SystemTests.Support;

/// <summary>An ordinary user for tests that run as root: uid 65534, with a copy of the built command, as the checkout may lie where only root can read.</summary>
internal static class OrdinaryUser
{
    private const string SetPriv = "/usr/bin/setpriv";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly string[] Nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    private static readonly Lazy<string> Copy = new(MakeCopy);

    private static string DotnetRoot { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>Runs doorbell with these arguments as that user.</summary>
    public static Outcome Doorbell(TimeSpan patience, params IEnumerable<string> arguments)
    {
        Requirement.Package(SetPriv, "util-linux");
        string folder = Copy.Value;
        Skip.IfNot(
            Run.ToEnd(SetPriv, [.. Nobody, "/usr/bin/test", "-r", RuntimeEnvironment.GetRuntimeDirectory()], Patience).ExitCode == 0,
            $"SKIPPED: an ordinary user cannot read the .NET runtime in {DotnetRoot}");
        return Run.ToEnd(SetPriv, [.. Nobody, "/usr/bin/env", "HOME=/tmp", $"DOTNET_ROOT={DotnetRoot}", Path.Combine(folder, "doorbell"), .. arguments], patience);
    }

    /// <summary>A copy of a file beside the command, for that user to read and execute.</summary>
    public static string Readable(string file)
    {
        string copy = Path.Combine(Copy.Value, Path.GetFileName(file));
        Run.ToEnd("/bin/cp", [file, copy], Patience).MustSucceed();
        Run.ToEnd("/bin/chmod", ["a+rX", copy], Patience).MustSucceed();
        return copy;
    }

    private static string MakeCopy()
    {
        Run.ToEnd(DoorbellCommand.Program, ["--help"], Patience).MustSucceed();
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        Run.ToEnd("/bin/cp", ["-r", DoorbellCommand.Folder + "/.", folder.Path], Patience).MustSucceed();
        Run.ToEnd("/bin/chmod", ["-R", "a+rX", folder.Path], Patience).MustSucceed();
        return folder.Path;
    }
}
