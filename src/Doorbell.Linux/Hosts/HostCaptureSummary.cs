using Doorbell.Hosts;

namespace Doorbell.Linux.Hosts;

/// <summary>What a capture has and has not.</summary>
/// <param name="Entries">Files and links in it.</param>
/// <param name="Unread">What is there and could not be read, and why.</param>
public sealed record HostCaptureSummary(int Entries, IReadOnlyDictionary<string, HostFileStatus> Unread);
