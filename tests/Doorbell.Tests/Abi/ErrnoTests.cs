namespace Doorbell.Tests.Abi;

public class ErrnoTests
{
    [SkippableFact]
    public void Every_errno_has_the_value_of_the_systems_headers()
    {
        Errno[] known = [.. Enum.GetValues<Errno>().Where(errno => errno != Errno.None)];
        long[] values = SystemHeaders.Evaluate(["errno.h"], [.. known.Select(errno => errno.ToString())]);
        Assert.Equal(values, known.Select(errno => (long)errno));
    }
}
