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
    // Ends are rare, so that there is something to end.
    private static readonly (OperationKind Kind, int Weight)[] s_weights =
    [
        (OperationKind.Join, 30),
        (OperationKind.SetIommu, 30),
        (OperationKind.Leave, 3),
        (OperationKind.OpenDevice, 40),
        (OperationKind.Map, 60),
        (OperationKind.MapWindow, 4),
        (OperationKind.Unmap, 60),
        (OperationKind.UnmapAll, 3),
        (OperationKind.RegisterWindow, 20),
        (OperationKind.Arm, 80),
        (OperationKind.Disarm, 30),
        (OperationKind.DisarmAll, 5),
        (OperationKind.Affinity, 30),
        (OperationKind.Reset, 5),
        (OperationKind.Fire, 60),
        (OperationKind.Stray, 20),
        (OperationKind.CloseDevice, 4),
        (OperationKind.CloseGroup, 2),
        (OperationKind.CloseContainer, 2),
        (OperationKind.Kill, 2),
    ];

    private static readonly OperationKind[] s_weighted = [.. s_weights.SelectMany(each => Enumerable.Repeat(each.Kind, each.Weight))];

    public static Operation Random(Random random) =>
        new(s_weighted[random.Next(s_weighted.Length)], random.Next(2), random.Next(4), random.Next(256), random.Next(256));

    public override string ToString() => $"{Kind}(client {Client}, device {Device}, {A}, {B})";
}
