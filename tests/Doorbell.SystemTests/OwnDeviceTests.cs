using Doorbell.SystemTests.Support;

namespace Doorbell.SystemTests;

/// <summary>samples/own-device, which docs/devices.md walks through: a device that Doorbell does not know, alone and under an unmodified program.</summary>
public class OwnDeviceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly string s_program = Repository.PathOf("samples", "own-device", "bin", "Release", "net10.0", "own-device");

    [Fact]
    public void Its_own_test_passes() => Assert.Contains("the device works", Run.ToEnd(s_program, ["test"], Patience).MustSucceed().Lines);

    [SkippableFact]
    public void A_program_that_knows_only_VFIO_uses_it()
    {
        Requirement.Package("/usr/bin/gcc", "gcc");
        Requirement.Package("/usr/include/linux/vfio.h", "linux-libc-dev");
        using var folder = new TemporaryFolder();
        string client = folder.File("client");
        Run.ToEnd("/usr/bin/gcc", ["-Wall", "-Wextra", "-Werror", "-o", client, Repository.PathOf("samples", "own-device", "client.c")], Patience).MustSucceed();

        Outcome outcome = Run.ToEnd(s_program, ["run", "--", client], Patience).MustSucceed();

        Assert.Contains("status 1, sum cbf43926, 1 interrupt", outcome.Lines);
    }
}
