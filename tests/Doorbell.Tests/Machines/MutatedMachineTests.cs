using Doorbell.Machines;
using Doorbell.Machines.Yaml;
using FsCheck;
using FsCheck.Fluent;

namespace Doorbell.Tests.Machines;

/// <summary>Whatever happens to a machine's file, the answer is a machine or one sentence about a line of it.</summary>
public class MutatedMachineTests
{
    private static readonly string[] Names = ["virt-gicv3", "virt-gicv2m", "amd-overdrive"];
    private static readonly string[] Splinters = ["", "-1", "0", "1", "[", "]", "{", "}", ":", "- ", "\n", "\t", " ", "\"", "'", "&a", "*a", "!!x", "|", "%", "? ", "---", "0xffff_ffff_ffff_ffff", "99999999999999999999", "4K", "ÿ\u2028", "\0", "its", "smmu", "01:00.0", "yes"];

    [Fact]
    public void A_spoilt_file_gives_a_machine_or_one_sentence_with_its_line()
    {
        var gen = from name in Gen.Elements(Names)
                  from cuts in Gen.Choose(0, 1_000_000).Three().ListOf()
                  select (name, cuts);
        Prop.ForAll(gen.ToArbitrary(), sample =>
        {
            string text = TestMachines.Text(sample.name);
            foreach ((int place, int length, int splinter) in sample.cuts.Take(4))
            {
                int at = place % text.Length;
                int end = Math.Min(text.Length, at + (length % 12));
                text = text[..at] + Splinters[splinter % Splinters.Length] + text[end..];
            }

            AnswersOrRefusesWell(text);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Fact]
    public void A_file_that_lacks_any_one_of_its_lines_gives_a_machine_or_one_sentence()
    {
        foreach (string name in Names)
        {
            string[] lines = TestMachines.Text(name).Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                AnswersOrRefusesWell(string.Join('\n', lines.Where((_, index) => index != i)));
            }
        }
    }

    [Fact]
    public void A_number_that_is_the_smallest_or_the_largest_there_is_never_overflows()
    {
        foreach (string name in Names)
        {
            string text = TestMachines.Text(name);
            foreach (System.Text.RegularExpressions.Match number in System.Text.RegularExpressions.Regex.Matches(text, @"(?<=[:\[] )[0-9][0-9a-fx_]*[KMG]?(?=[,}\]\s])"))
            {
                foreach (string other in (string[])["0", "1", "0xffff", "0x1_0000", "0xffff_ffff", "0xffff_ffff_ffff", "0xffff_ffff_ffff_ffff", "16777215T"])
                {
                    AnswersOrRefusesWell(text[..number.Index] + other + text[(number.Index + number.Length)..]);
                }
            }
        }
    }

    private static void AnswersOrRefusesWell(string text)
    {
        Result<MachineDescription> result = MachineYaml.Read("m.yaml", text);
        if (result.IsOk)
        {
            Assert.NotEmpty(result.Value.PciHosts);
            Result<Machine> machine = new MachineBuilder(result.Value).Build();
            Assert.True(machine.IsOk || (machine.Errno != Errno.None && machine.Reason.Length > 0));
            return;
        }

        Assert.Equal(Errno.EINVAL, result.Errno);
        Assert.Matches(@"\Am\.yaml:[1-9][0-9]*: .*\.\z", result.Reason);
        Assert.DoesNotContain(result.Reason, char.IsControl);
    }
}
