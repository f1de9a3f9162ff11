using Doorbell.Iommu;
using Xunit.Abstractions;

namespace Doorbell.Tests.Races;

/// <summary>Every order in which racing operations on one IOMMU domain can come between one another (I6, I7, I8, N1, N2, N3, N5).</summary>
public class DoorbellRaceTests(ITestOutputHelper output)
{
    private const DoorbellRetention Counted = DoorbellRetention.UntilLastReference;
    private const DoorbellRetention Kept = DoorbellRetention.UntilDomainFreed;
    private const ulong Other = 0x80a_0040;
    private static readonly Errno[] s_bothSucceed = [Errno.None, Errno.None];

    [Theory]
    [InlineData(Counted)]
    [InlineData(Kept)]
    public void I6_get_and_get_of_one_doorbell_end_with_one_mapping(DoorbellRetention retention) =>
        All("get/get", () => new DoorbellRace(retention) { Expect = race => Assert.Equal(s_bothSucceed, race.Answers) }.Get().Get());

    [Fact]
    public void I6_get_and_get_of_two_doorbells_do_not_hinder_each_other() =>
        All("get/get of two doorbells", () => new DoorbellRace { Expect = race => Assert.Equal(s_bothSucceed, race.Answers) }.Get().Get(Other));

    [Fact]
    public void I5_get_and_get_of_the_last_IOVA_leave_it_to_one() =>
        All("get/get of the last IOVA", () => new DoorbellRace(windowSize: 0x1000) { Expect = race => Assert.Equal([Errno.None, Errno.ENOMEM], race.Answers.Order()) }.Get().Get(Other));

    [Theory]
    [InlineData(Counted)]
    [InlineData(Kept)]
    public void I7_N3_get_and_last_put_of_one_doorbell(DoorbellRetention retention) =>
        All("get/put", () => new DoorbellRace(retention) { Expect = race => Assert.Equal([Errno.None], race.Answers) }.Put().Get());

    [Fact]
    public void I7_N3_last_put_and_get_of_another_doorbell_in_a_window_of_one_page() =>
        All(
        "get/put in a window of one page",
        () => new DoorbellRace(windowSize: 0x1000) { Expect = race => Assert.True(race.Answers is [Errno.None or Errno.ENOMEM], string.Join(' ', race.Answers)) }.Put().Get(Other));

    [Fact]
    public void I7_translation_and_last_put() =>
        All("translate/put", () => new DoorbellRace { OnlyAtTheEnd = true }.Put().Translate());

    [Fact]
    public void I7_N3_translation_and_last_put_and_get_of_another_doorbell() =>
        All("translate/put/get", () => new DoorbellRace(windowSize: 0x1000) { OnlyAtTheEnd = true }.Put().Translate().Get(Other), preemptions: 3);

    [Theory]
    [InlineData(Counted)]
    [InlineData(Kept)]
    public void I7_put_and_put_of_one_doorbell(DoorbellRetention retention) =>
        All("put/put", () => new DoorbellRace(retention).Put().Put());

    [Theory]
    [InlineData(Counted)]
    [InlineData(Kept)]
    public void I8_put_and_close(DoorbellRetention retention) => All("put/close", () => new DoorbellRace(retention).Put().Close());

    [Fact]
    public void I8_put_and_free_domain() => All("put/free-domain", () => new DoorbellRace().Put().FreeDomain(), preemptions: 4);

    [Theory]
    [InlineData(Counted)]
    [InlineData(Kept)]
    public void I8_get_and_close(DoorbellRetention retention) => All("get/close", () => new DoorbellRace(retention).Get().Close());

    [Fact]
    public void I8_get_and_free_domain() => All("get/free-domain", () => new DoorbellRace().Get().FreeDomain(), preemptions: 4);

    [Fact]
    public void I8_close_and_free_domain() => All("close/free-domain", () => new DoorbellRace().Put().Close().FreeDomain(), preemptions: 2);

    [Fact]
    public void I3_two_registrations_of_the_window() =>
        All("register/register", () => new DoorbellRace(hasWindow: false) { Expect = race => Assert.Equal([Errno.None, Errno.EEXIST], race.Answers.Order()) }.RegisterWindow().RegisterWindow());

    [Fact]
    public void I5_get_and_registration_of_the_window() =>
        All("get/register", () => new DoorbellRace(hasWindow: false).Get().RegisterWindow());

    [Fact]
    public void N5_map_and_registration_of_the_window_leave_the_range_to_one() => All(
        "map/register",
        () => new DoorbellRace(hasWindow: false) { Expect = race => Assert.True(race.Answers.Order().ToArray() is [Errno.None, Errno.EADDRINUSE or Errno.EINVAL], string.Join(' ', race.Answers)) }
            .Map(new Iova(0x7ff_f000), 0x2000).RegisterWindow());

    [Fact]
    public void N5_what_the_user_unmaps_is_never_a_doorbell() =>
        All("unmap/get", () => new DoorbellRace().Put().UnmapAll().Get(Other), preemptions: 3);

    [Fact]
    public void I8_map_and_free_domain() => All("map/free-domain", () => new DoorbellRace().Map(DoorbellRace.UserPage).FreeDomain());

    [Fact]
    public void I8_attach_and_free_domain() => All("attach/free-domain", () => new DoorbellRace().Attach().FreeDomain());

    [Fact]
    public void I6_I7_I8_get_and_put_and_close() => All("get/put/close", () => new DoorbellRace().Get().Put().Close(), preemptions: 3);

    [Fact]
    public void I6_I7_get_and_get_and_put() => All("get/get/put", () => new DoorbellRace().Get().Get().Put(), preemptions: 3);

    [Fact]
    public void I6_N3_two_gets_of_one_doorbell_and_one_of_another() => All(
        "get/get/get of another",
        () => new DoorbellRace { Expect = race => Assert.All(race.Answers, answer => Assert.Equal(Errno.None, answer)) }.Get().Get().Get(Other),
        preemptions: 2);

    [Fact]
    public void I6_I7_N3_three_callers_that_get_and_put() =>
        All("get+put/get+put/get+put", () => new DoorbellRace(windowSize: 0x2000).GetAndPut().GetAndPut().GetAndPut(Other), preemptions: 2);

    private void All(string name, Func<Race> newRace, int? preemptions = null) =>
        output.WriteLine($"{name}: {Explorer.Run(newRace, preemptions)}");
}
