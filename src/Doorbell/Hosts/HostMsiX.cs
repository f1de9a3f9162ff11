namespace Doorbell.Hosts;

/// <summary>A function's MSI-X capability (PCI Local Bus 3.0 6.8.2).</summary>
/// <param name="Offset">Where it is in configuration space.</param>
/// <param name="Vectors">Entries of its table: 1 to 2048.</param>
/// <param name="TableBar">Which BAR the table is in.</param>
/// <param name="TableOffset">Where in that BAR, in bytes.</param>
/// <param name="PendingBar">Which BAR the pending bits are in.</param>
/// <param name="PendingOffset">Where in that BAR, in bytes.</param>
public sealed record HostMsiX(int Offset, int Vectors, int TableBar, uint TableOffset, int PendingBar, uint PendingOffset);
