using System.Diagnostics;
using Doorbell.Linux.Native;
using Doorbell.Linux.Supervision;

namespace Doorbell.Tests.Linux;

public sealed class ThreadDescriptorsTests : IDisposable
{
    private readonly ThreadDescriptors _descriptors = new();

    public void Dispose() => _descriptors.Dispose();

    [Fact]
    public void A_thread_that_has_ended_has_no_descriptors_though_it_had_been_looked_at()
    {
        using var process = Process.Start(new ProcessStartInfo("sleep", "60") { RedirectStandardInput = true })!;
        Assert.Equal(0, _descriptors.Identify(process.Id, 0, out FileIdentity before));
        Assert.NotEqual(default, before);

        process.Kill();
        process.WaitForExit();

        Assert.Equal(-(int)Errno.ENOENT, _descriptors.Identify(process.Id, 0, out FileIdentity after));
        Assert.Equal(default, after);
    }

    [Fact]
    public void Threads_that_share_a_place_are_told_apart()
    {
        int own = Environment.ProcessId;
        Assert.Equal(0, _descriptors.Identify(own, 0, out FileIdentity first));
        int nobody = own | (1 << 22); // beyond every pid_max

        Assert.Equal(-(int)Errno.ENOENT, _descriptors.Identify(nobody, 0, out _));
        Assert.Equal(0, _descriptors.Identify(own, 0, out FileIdentity again));

        Assert.Equal(first, again);
    }
}
