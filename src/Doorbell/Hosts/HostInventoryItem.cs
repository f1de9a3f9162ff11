namespace Doorbell.Hosts;

/// <summary>A thing of a host's files that is read.</summary>
/// <param name="Path">Where it is on the host.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct HostInventoryItem(string Path, HostInventoryKind Kind);
