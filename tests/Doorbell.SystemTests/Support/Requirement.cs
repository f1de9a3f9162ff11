namespace Doorbell.SystemTests.Support;

/// <summary>What a test needs of the machine. Missing, it is a failure in CI, where everything can be installed, and a loud skip elsewhere.</summary>
internal static class Requirement
{
    public static void File(string path, string remedy)
    {
        bool present = System.IO.File.Exists(path);
        if (!present && Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"{path} is missing, and nothing may be missing in CI: {remedy}");
        }

        Skip.IfNot(present, $"SKIPPED: {path} is missing: {remedy}");
    }

    public static void Package(string path, string package) => File(path, $"apt-get install {package}");
}
