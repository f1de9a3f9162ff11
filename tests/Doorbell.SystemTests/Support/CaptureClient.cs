namespace Doorbell.SystemTests.Support;

/// <summary>The program that made the captures (tests/clients/capture), as it is, compiled for this computer against the kernel headers <c>./test</c> prepared.</summary>
internal static class CaptureClient
{
    private static readonly Lazy<string> Program = new(Build);

    private static string Headers => Path.Combine(Repository.Cache, "capture-client", "uapi", "usr", "include");

    /// <summary>Its path.</summary>
    public static string PathOf()
    {
        Requirement.Package("/usr/bin/gcc", "gcc");
        Requirement.Package("/usr/include/stdio.h", "libc6-dev");
        Requirement.File(Path.Combine(Headers, "linux", "iommufd.h"), "run ./test, which fetches newer kernel headers for the capture client");
        return Program.Value;
    }

    // With the options of its own build.sh, which fetches the headers too.
    private static string Build()
    {
        const string Gcc = "/usr/bin/gcc";
        string binary = Path.Combine(AppContext.BaseDirectory, "goldvfio");
        string machine = Run.ToEnd(Gcc, ["-dumpmachine"], TimeSpan.FromMinutes(1)).MustSucceed().Lines.First();
        string[] options = ["-w", "-O1", "-static", "-isystem", Headers, "-isystem", Path.Combine(Headers, machine)];
        Run.ToEnd(Gcc, [.. options, Repository.PathOf("tests", "clients", "capture", "goldvfio.c"), "-o", binary], TimeSpan.FromMinutes(2)).MustSucceed();
        return binary;
    }
}
