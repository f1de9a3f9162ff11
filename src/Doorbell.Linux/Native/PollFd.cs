namespace Doorbell.Linux.Native;

/// <summary>struct pollfd.</summary>
internal struct PollFd(int fd, short events)
{
    internal int Fd = fd;
    internal short Events = events;
    internal short Returned;
}
