using System.Collections.Concurrent;

namespace Doorbell.Mutants;

/// <summary>The known mistakes of the past, each made in the library's source: the suite must notice every one.</summary>
public class MutantTests
{
    private static readonly Lazy<Suite> s_unmutated = new(() => new Suite(LibrarySource.Instance.Compile([])));
    private static readonly ConcurrentDictionary<string, Exception?> s_passing = new();

    public static TheoryData<string> Names => [.. KnownMistakes.All.Select(mutant => mutant.Name)];

    [Fact]
    public void Every_mistake_has_its_place_in_the_source()
    {
        List<string> stale = [];
        foreach (Mutant mutant in KnownMistakes.All)
        {
            try
            {
                LibrarySource.Instance.Change(mutant.Edits);
            }
            catch (InvalidOperationException failure)
            {
                stale.Add($"{mutant.Name}: {failure.Message}");
            }
        }

        Assert.Empty(stale);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_suite_kills(string name)
    {
        Mutant mutant = KnownMistakes.All.Single(mutant => mutant.Name == name);
        Assert.NotEmpty(mutant.KilledBy);
        Suite mutated = new(LibrarySource.Instance.Compile(mutant.Edits));
        foreach (string test in mutant.KilledBy)
        {
            Exception? unmutated = s_passing.GetOrAdd(test, s_unmutated.Value.Run);
            Assert.True(unmutated is null, $"{test} fails without the mistake: {unmutated}");
            Assert.True(mutated.Run(test) is not null, $"{test} passes although {mutant.Mistake}");
        }

        mutated.Unload();
    }
}
