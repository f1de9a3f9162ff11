namespace Doorbell.Linux.Launch;

/// <summary>What goes over the channel between supervisor and launcher.</summary>
internal enum LaunchMessage : byte
{
    /// <summary>Supervisor to launcher: a <see cref="LaunchOrder"/>.</summary>
    Order = 1,

    /// <summary>Launcher to supervisor: views stand and the filter is installed. Descriptors: listener, directory for emulated files. Payload: the nodes' identities.</summary>
    Ready,

    /// <summary>Launcher to supervisor: it cannot be done. Payload: exit status (4 bytes) and the sentence.</summary>
    Failed,

    /// <summary>Launcher to supervisor: the client runs. Payload: its pid (4 bytes).</summary>
    Started,
}
