namespace Doorbell.Tests.Races;

/// <summary>A schedule under which something did not hold; its message is the schedule.</summary>
public sealed class ScheduleFailedException : Exception
{
    public ScheduleFailedException()
    {
    }

    public ScheduleFailedException(string message)
        : base(message)
    {
    }

    public ScheduleFailedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
