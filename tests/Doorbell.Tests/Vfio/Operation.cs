namespace Doorbell.Tests.Vfio;

/// <summary>What clients and the administrator do to a machine, at random.</summary>
public enum OperationKind
{
    Join,
    SetIommu,
    Leave,
    OpenDevice,
    Map,
    MapWindow,
    Unmap,
    UnmapAll,
    RegisterWindow,
    Arm,
    Disarm,
    DisarmAll,
    Affinity,
    Reset,
    Fire,
    Stray,
    CloseDevice,
    CloseGroup,
    CloseContainer,
    Kill,
}

/// <summary>One operation: a client, one of its (or the machine's) devices, and two numbers each kind reads in its own way.</summary>
public readonly record struct Operation(OperationKind Kind, int Client, int Device, int A, int B)
{
    private static readonly OperationKind[] s_weighted =
    [
        .. Enum.GetValues<OperationKind>(),
        .. Enumerable.Repeat(OperationKind.Join, 4),
        .. Enumerable.Repeat(OperationKind.SetIommu, 4),
        .. Enumerable.Repeat(OperationKind.OpenDevice, 4),
        .. Enumerable.Repeat(OperationKind.RegisterWindow, 2),
        .. Enumerable.Repeat(OperationKind.Map, 4),
        .. Enumerable.Repeat(OperationKind.Unmap, 2),
        .. Enumerable.Repeat(OperationKind.Arm, 8),
        .. Enumerable.Repeat(OperationKind.Disarm, 3),
        .. Enumerable.Repeat(OperationKind.Affinity, 3),
        .. Enumerable.Repeat(OperationKind.Fire, 3),
    ];

    public static Operation Random(Random random) =>
        new(s_weighted[random.Next(s_weighted.Length)], random.Next(2), random.Next(4), random.Next(256), random.Next(256));

    public override string ToString() => $"{Kind}(client {Client}, device {Device}, {A}, {B})";
}
