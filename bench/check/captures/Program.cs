using System.Globalization;
using Doorbell.Tests.Hosts;

// captures BOARDS FOLDER COUNT: so many captures, synthesised from the recorded boards below BOARDS, into FOLDER.
var hosts = new SynthesisedHosts(Directory.EnumerateDirectories(args[0]).Order(StringComparer.Ordinal));
int count = int.Parse(args[2], CultureInfo.InvariantCulture);
for (int seed = 0; seed < count; seed++)
{
    File.WriteAllBytes(Path.Combine(args[1], $"host-{seed:d5}.tar.gz"), hosts.Capture(seed));
}
