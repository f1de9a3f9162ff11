using Doorbell.Tests.Machines.DeviceTree;

namespace Doorbell.Tests.Checks;

/// <summary>docs/boards.md says what is found of each board of Debian 12's arm64 kernel package.</summary>
public class BoardTableTests
{
    /// <summary>The package the page was made from; another has other boards.</summary>
    private const string Pinned = "linux-image-6.1.0-56-arm64_6.1.192-2_arm64";

    [SkippableFact]
    public void The_page_of_the_boards_says_what_is_found_of_them()
    {
        Corpus.Require();
        Skip.IfNot(Corpus.Package == Pinned, $"SKIPPED: the page was made from {Pinned}, and here is {Corpus.Package}");
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "boards.md"));
        int begin = page.IndexOf(BoardTable.Begin, StringComparison.Ordinal), end = page.IndexOf(BoardTable.End, StringComparison.Ordinal);
        Assert.True(begin >= 0 && end > begin);
        string tables = BoardTable.Build();
        string made = Path.Combine(AppContext.BaseDirectory, "boards.tables.md");
        File.WriteAllText(made, tables);
        Assert.True(page[(begin + BoardTable.Begin.Length)..end].Trim() == tables.Trim(), $"docs/boards.md is not current; the tables are in {made}");
    }
}
