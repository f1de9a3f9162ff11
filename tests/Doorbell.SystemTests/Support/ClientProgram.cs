namespace Doorbell.SystemTests.Support;

/// <summary>The VFIO client of tests/clients, compiled against the system's headers.</summary>
internal static class ClientProgram
{
    private static readonly Lazy<string> Dynamic = new(() => Build("vfio-client", []));
    private static readonly Lazy<string> Static = new(() => Build("vfio-client-static", ["-static"]));

    /// <summary>Path of the client, linked as <paramref name="linkage"/> says: "dynamic" or "static".</summary>
    public static string Path(string linkage)
    {
        Requirement.Package("/usr/bin/gcc", "gcc");
        Requirement.Package("/usr/include/linux/vfio.h", "linux-libc-dev");
        Requirement.Package("/usr/include/stdio.h", "libc6-dev");
        return linkage == "static" ? Static.Value : Dynamic.Value;
    }

    private static string Build(string name, string[] options)
    {
        string folder = Repository.PathOf("tests", "clients");
        string binary = System.IO.Path.Combine(AppContext.BaseDirectory, name);
        string[] sources = Directory.GetFiles(folder, "*.c");
        Run.ToEnd("/usr/bin/gcc", ["-O2", "-Wall", "-Wextra", "-Werror", .. options, "-o", binary, .. sources], TimeSpan.FromMinutes(2)).MustSucceed();
        return binary;
    }
}
