using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Doorbell.Tests.Cli;

public sealed class CompareTests : IDisposable
{
    private const string Linux = """
        {"seq":1,"name":"open","ret":0,"trace":["a"]}
        {"seq":2,"name":"map","ret":-1,"errno":22,"irq":7}
        {"seq":3,"name":"map","ret":0}
        {"seq":4,"name":"snap","phys_msix_table":[{"vec":0}]}
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("doorbell-compare-");

    [Fact]
    public void What_two_runs_of_one_kernel_differ_in_is_left_alone_and_what_only_a_look_from_outside_shows_is_named()
    {
        (int status, string output) = Compare("""
            {"seq":9,"name":"open","ret":0}
            {"seq":10,"name":"map","errno":22,"ret":-1,"irq":8}
            {"seq":11,"name":"map","ret":0}
            {"seq":12,"name":"snap","phys_msix_table":[]}
            """);
        Assert.Equal(
            "not compared, since only a look from outside shows it: phys_msix_table in 1 records, trace in 1 records\nboard/suite: 4 records: 4 agree, 0 differ, 0 not applicable; 0 unexplained\n",
            output);
        Assert.Equal(0, status);
    }

    [Fact]
    public void A_difference_without_a_reason_fails_and_is_told_with_both_sides()
    {
        (int status, string output) = Compare("""
            {"name":"open","ret":0}
            {"name":"map","ret":-1,"errno":14}
            {"name":"snap"}
            {"name":"extra"}
            """);
        Assert.Equal(1, status);
        Assert.Contains("unexplained     map\n                  errno: Linux 22, here 14\n", output, StringComparison.Ordinal);
        Assert.Contains("unexplained     map#2: there is no such record\n", output, StringComparison.Ordinal);
        Assert.Contains("unexplained     extra: the capture has no such record\n", output, StringComparison.Ordinal);
        Assert.EndsWith("board/suite: 4 records: 2 agree, 1 differ, 1 not applicable; 3 unexplained\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_difference_with_its_reason_is_none_that_fails()
    {
        (int status, string output) = Compare("{\"name\":\"open\",\"ret\":0}\n{\"name\":\"map\",\"ret\":-1,\"errno\":14}\n{\"name\":\"snap\"}\n", "board/.* | map | errno | Because.\n# a remark\nboard/suite | map#2 | n.a. | Not there.\n");
        Assert.Equal(0, status);
        Assert.Contains("differs         map\n                  errno: Linux 22, here 14 (Because.)\n", output, StringComparison.Ordinal);
        Assert.Contains("not applicable  map#2: Not there.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_about_a_record_that_agrees_is_told()
    {
        (int status, string output) = Compare(Linux, "board/suite | open | ret | Because.\n");
        Assert.Equal(0, status);
        Assert.Contains("listed in vain  open: agrees, but is listed: Because.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_read_a_line_a_record_and_the_totals()
    {
        string differences = Write("differences.txt", "x | y | ret | z\nboard/suite | map#2 | ret | Because.\n");
        (int status, string output, _) = Command.Run("compare", Packed(), Write("result.jsonl", Linux.Replace("\"ret\":0}", "\"ret\":1}", StringComparison.Ordinal)), "--differences", differences, "--json");
        JsonElement[] lines = [.. output.TrimEnd().Split('\n').Select(static line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(0, status);
        Assert.Equal(2, lines.Length);
        Assert.Equal("map#2", lines[0].GetProperty("record").GetString());
        Assert.Equal("differs", lines[0].GetProperty("verdict").GetString());
        Assert.Equal((4, 3, 1), (lines[1].GetProperty("records").GetInt32(), lines[1].GetProperty("agree").GetInt32(), lines[1].GetProperty("differ").GetInt32()));
        Assert.Equal(2, lines[1].GetProperty("explained")[0].GetProperty("line").GetInt32());
    }

    [Theory]
    [InlineData("", "expected records, one JSON object a line, and found none.")]
    [InlineData("{\"name\":\"a\"}\n{\"nam\":1}\n", "result.jsonl:2: expected a record, a JSON object with a \"name\".")]
    [InlineData("{\"name\":\"a\"", "result.jsonl:1: expected a record, a JSON object with a \"name\".")]
    public void What_is_no_file_of_records_is_refused_in_one_sentence(string text, string sentence)
    {
        (int status, string output, string error) = Command.Run("compare", Packed(), Write("result.jsonl", text));
        Assert.Equal((2, ""), (status, output));
        Assert.EndsWith($"{sentence}\n", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a | b | c\n", "differences.txt:1: expected \"suites | records | fields | reason\", not 3 parts.\n")]
    [InlineData("\n( | b | c | d\n", "differences.txt:2: expected regular expressions for suites and records: ")]
    public void What_is_no_list_of_differences_is_refused_in_one_sentence(string text, string sentence)
    {
        (int status, string output, string error) = Command.Run("compare", Packed(), Write("result.jsonl", Linux), "--differences", Write("differences.txt", text));
        Assert.Equal((2, ""), (status, output));
        Assert.Contains(sentence, error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private (int Status, string Output) Compare(string answers, string differences = "")
    {
        (int status, string output, string error) = Command.Run("compare", Packed(), Write("result.jsonl", answers), "--differences", Write("differences.txt", differences));
        Assert.Equal("", error);
        return (status, output);
    }

    private string Packed()
    {
        string file = Path.Combine(_folder.CreateSubdirectory("board").FullName, "suite.jsonl.gz");
        using var packed = new GZipStream(File.Create(file), CompressionMode.Compress);
        packed.Write(Encoding.UTF8.GetBytes(Linux));
        return file;
    }

    private string Write(string name, string text)
    {
        string file = Path.Combine(_folder.FullName, name);
        File.WriteAllText(file, text);
        return file;
    }
}
