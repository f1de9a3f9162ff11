using System.Security.Cryptography;
using Doorbell.Machines;
using Doorbell.Machines.DeviceTree;
using Doorbell.Vfio;

namespace Doorbell.Tests.Machines.DeviceTree;

/// <summary>The boards of the real world. What the reader says of each is written down in Fixtures/corpus.txt, so that no answer changes unseen.</summary>
public class CorpusTests
{
    /// <summary>The package the answers were written down for.</summary>
    private const string Pinned = "linux-image-6.1.0-56-arm64_6.1.192-2_arm64";

    [SkippableFact]
    public void Every_board_loads_and_builds_or_is_refused_with_a_reason_and_each_answer_is_the_one_written_down()
    {
        Corpus.Require();
        Dictionary<string, (string Digest, string Verdict)> expected = ReadExpected();
        var changed = new List<string>();
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int known = 0, trees = 0;
        foreach ((string file, byte[] blob) in Corpus.Read())
        {
            string verdict = VerdictOf(file, blob);
            string kind = verdict.Split(',')[0];
            counts[kind] = counts.GetValueOrDefault(kind) + 1;
            trees++;

            // A later package may have another tree for the board; the same bytes have the same answer.
            if (expected.TryGetValue(file, out (string Digest, string Verdict) written) && written.Digest == Digest(blob))
            {
                known++;
                if (written.Verdict != verdict)
                {
                    changed.Add($"{file}: {verdict}, and written down is {written.Verdict}");
                }
            }
        }

        Assert.Empty(changed);
        if (Corpus.Package == Pinned)
        {
            Assert.Equal((577, 577), (trees, known));
            Assert.Equal(["loads isolated=no translated=no 104", "loads isolated=no translated=yes 28", "loads isolated=yes translated=no 31", "loads isolated=yes translated=yes 15", "refused ENODEV 234", "refused ENXIO 165"], counts.Select(count => $"{count.Key} {count.Value}"));
        }
        else
        {
            // Stable updates of 6.1 touch few trees; nearly all answers stay comparable.
            Assert.InRange(known, 400, 577);
            Assert.InRange(trees, 550, 700);
        }
    }

    [SkippableFact]
    public void V3_On_every_board_with_a_group_a_device_is_handed_over_exactly_where_its_MSIs_are_isolated()
    {
        Corpus.Require();
        int groups = 0;
        foreach ((string file, byte[] blob) in Corpus.Read())
        {
            if (DeviceTreeMachine.Read(file, blob) is { IsOk: true } machine && MachineSurvey.Of(machine.Value) is { IsOk: true } survey)
            {
                foreach (SlotSurvey slot in survey.Value.Slots.Where(slot => slot.Group is not null))
                {
                    VfioHost host = survey.Value.Machine.CreateVfioHost(new VfioOptions());
                    VfioContainer container = host.OpenContainer();
                    VfioGroup group = host.OpenGroup(slot.Group!.Id).Value;
                    Assert.True(group.SetContainer(container).IsOk);
                    Assert.True(container.SetIommu(VfioIommuType.Type1v2).Errno == (slot.IsIsolated ? Errno.None : Errno.EPERM), $"{file} {slot.Device.Name}");
                    group.Release();
                    container.Release();
                    groups++;
                }
            }
        }

        Assert.True(groups > 40, $"{groups} groups");
    }

    private static string VerdictOf(string file, byte[] blob)
    {
        Result<MachineDescription> machine = DeviceTreeMachine.Read(file, blob);
        if (!machine.IsOk)
        {
            Assert.StartsWith($"{file}: ", machine.Reason, StringComparison.Ordinal);
            Assert.EndsWith(".", machine.Reason, StringComparison.Ordinal);
            return $"refused {machine.Errno}";
        }

        Result<MachineSurvey> survey = MachineSurvey.Of(machine.Value);
        Assert.True(survey.IsOk, $"{file}: {survey.Reason}");
        Assert.NotEmpty(survey.Value.Slots);
        return $"loads isolated={YesOrNo(survey.Value.IsIsolated)} translated={YesOrNo(survey.Value.IsTranslated)}, "
            + string.Join("; ", survey.Value.Slots.Select(slot => $"{slot.Device.Name} {Controller(slot)} {Iommu(slot)}"));
    }

    private static string Controller(SlotSurvey slot) => slot.Device.MsiDomain?.Parent is { } controller ? $"{controller.Name}:{slot.Device.DeviceId}" : "none";

    private static string Iommu(SlotSurvey slot) => slot.Device.Iommu is { } iommu ? $"{iommu.Name}:{slot.Device.StreamId}" : "none";

    private static string YesOrNo(bool value) => value ? "yes" : "no";

    private static string Digest(byte[] blob) => Convert.ToHexStringLower(SHA256.HashData(blob))[..16];

    private static Dictionary<string, (string Digest, string Verdict)> ReadExpected()
    {
        string[] lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Machines", "Fixtures", "corpus.txt"));
        return lines.Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' ', 3)).ToDictionary(parts => parts[1], parts => (parts[0], parts[2]));
    }
}
