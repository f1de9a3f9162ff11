using System.Collections.Concurrent;

namespace Doorbell.Mutants;

/// <summary>The known mistakes of the past, each made in the library's source: the suite must notice every one.</summary>
public class MutantTests
{
    private static readonly Lazy<Suite> s_unmutated = new(() => new Suite(LibrarySource.Instance.Compile([])));
    private static readonly ConcurrentDictionary<string, Exception?> s_passing = new();

    public static TheoryData<string> Names => [.. KnownMistakes.All.Select(mutant => mutant.Name)];

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
