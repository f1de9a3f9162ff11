using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>The library as others get it: packed, and used by a project that knows nothing of this repository.</summary>
public sealed class PackageTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Fact]
    public void The_sample_runs_with_the_package_alone()
    {
        using var folder = new TemporaryFolder();
        string feed = folder.Folder("feed"), project = folder.Folder("project");
        DotNet("pack", Repository.PathOf("src", "Doorbell"), "-c", "Release", "--no-build", "-o", feed, "-p:Version=1.2.3-test");

        File.Copy(Repository.PathOf("samples", "first-vector", "Program.cs"), Path.Combine(project, "Program.cs"));
        File.WriteAllText(
            Path.Combine(project, "Mine.csproj"),
            """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Doorbell" Version="1.2.3-test" />
              </ItemGroup>
            </Project>
            """);

        // Its own package folder, so that no package of an earlier run is taken for this one; what it depends on is in the user's already.
        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        DotNet("build", project, "-p:UseSharedCompilation=false", "-nodeReuse:false", $"-p:RestoreSources={feed}", $"-p:RestoreFallbackFolders={packages}", $"-p:RestorePackagesPath={folder.Folder("packages")}");

        Outcome outcome = DotNet(Path.Combine(project, "bin", "Debug", "net10.0", "Mine.dll"));

        Assert.Contains("doorbell.bind iommu=smmu domain=1 pa=0x8090000 iova=0x8000000", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("the vector arrived 1 time(s); the device wrote 42", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("all given back", outcome.Output, StringComparison.Ordinal);
    }

    private static Outcome DotNet(params string[] arguments) => Run.ToEnd("dotnet", arguments, Patience).MustSucceed();
}
