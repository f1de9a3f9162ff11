namespace Doorbell.SystemTests.Support;

/// <summary>The VFIO client of tests/clients, compiled against the system's headers.</summary>
internal static class ClientProgram
{
    private static readonly Lazy<string> Dynamic = new(() => Build("vfio-client", ["tests", "clients"], []));
    private static readonly Lazy<string> Static = new(() => Build("vfio-client-static", ["tests", "clients"], ["-static"]));
    private static readonly Lazy<string> HostileOne = new(() => Build("hostile", ["tests", "clients", "hostile"], ["-static", "-pthread"]));

    /// <summary>The client that means harm, tests/clients/hostile.</summary>
    public static string Hostile()
    {
        RequireCompiler();
        return HostileOne.Value;
    }

    /// <summary>Path of the client, linked as <paramref name="linkage"/> says: "dynamic" or "static".</summary>
    public static string Path(string linkage)
    {
        RequireCompiler();
        return linkage == "static" ? Static.Value : Dynamic.Value;
    }

    private static void RequireCompiler()
    {
        Requirement.Package("/usr/bin/gcc", "gcc");
        Requirement.Package("/usr/include/linux/vfio.h", "linux-libc-dev");
        Requirement.Package("/usr/include/stdio.h", "libc6-dev");
    }

    private static string Build(string name, string[] place, string[] options)
    {
        string folder = Repository.PathOf(place);
        string binary = System.IO.Path.Combine(AppContext.BaseDirectory, name);
        string[] sources = [.. Directory.GetFiles(folder, "*.c").Append(Repository.PathOf("tests", "clients", "steps.c")).Distinct()];
        Run.ToEnd("/usr/bin/gcc", ["-O2", "-Wall", "-Wextra", "-Werror", .. options, "-o", binary, .. sources], TimeSpan.FromMinutes(2)).MustSucceed();
        return binary;
    }
}
