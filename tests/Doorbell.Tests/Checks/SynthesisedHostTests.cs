using Doorbell.Checks;
using Doorbell.Hosts;
using Doorbell.Linux.Hosts;
using Doorbell.Tests.Hosts;

namespace Doorbell.Tests.Checks;

/// <summary>Hosts nobody has seen: whatever is in them, each function gets a verdict with reasons, and a capture says what the host said.</summary>
public class SynthesisedHostTests
{
    private const int Count = 150;

    private static readonly SynthesisedHosts Hosts = new(Directory.EnumerateDirectories(Path.Combine(AppContext.BaseDirectory, "Captures", "data")).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_function_of_any_host_is_judged_and_what_is_refused_or_unknown_has_a_reason()
    {
        int[] verdicts = new int[Enum.GetValues<CheckVerdict>().Length];
        for (int seed = 0; seed < Count; seed++)
        {
            HostFacts facts = HostReader.Read(Hosts.Make(seed));
            CheckReport report = PassthroughCheck.Judge(facts, new CheckOptions());
            foreach (FunctionCheck check in report.Functions)
            {
                verdicts[(int)check.Verdict]++;
                Assert.True(check.Verdict == CheckVerdict.Assignable || check.Reasons.Count > 0, $"host {seed}, {check.Function.Address}: {check.Verdict} without a reason");
            }
        }

        Assert.DoesNotContain(0, verdicts);
    }

    [Fact]
    public void A_capture_of_any_host_is_judged_as_the_host_is()
    {
        for (int seed = 0; seed < Count; seed += 5)
        {
            byte[] capture = Hosts.Capture(seed, compress: seed % 2 == 0);
            Result<IHostFiles> files = TarHostFiles.Read("capture", new MemoryStream(capture));
            Assert.True(files.IsOk, files.Reason);

            // What a capture masks is in the host still, so that the host's own capture is what is compared.
            Assert.Equal(Verdicts(HostReader.Read(Hosts.Make(seed))), Verdicts(HostReader.Read(files.Value)));
        }
    }

    private static IEnumerable<string> Verdicts(HostFacts facts) =>
        PassthroughCheck.Judge(facts, new CheckOptions()).Functions.Select(static check => $"{check.Function.Address} {check.Verdict}: {string.Join(", ", check.Reasons.Select(static reason => reason.Kind))}");
}
