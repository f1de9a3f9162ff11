using Doorbell.Linux;

namespace Doorbell.Tests.Linux;

public class SpeakerTests
{
    [Fact]
    public void Whoever_has_something_said_does_not_wait_for_a_terminal_that_takes_nothing_and_all_is_said_in_the_end()
    {
        using var stopped = new ManualResetEventSlim();
        var said = new List<string>();
        using (var speaker = new Speaker(sentence =>
        {
            stopped.Wait();
            said.Add(sentence);
        }))
        {
            speaker.Say("one");
            speaker.Say("two");
            speaker.Say("three");
            Assert.Empty(said); // and nobody has waited
            stopped.Set();
        }

        Assert.Equal(["one", "two", "three"], said);
    }
}
