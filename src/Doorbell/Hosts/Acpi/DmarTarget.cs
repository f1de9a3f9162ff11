namespace Doorbell.Hosts.Acpi;

/// <summary>What a device scope turned out to name.</summary>
/// <param name="Scope">The scope.</param>
/// <param name="Address">The function; null where the way to it goes over a bridge whose buses are not known.</param>
/// <param name="Behind">The buses behind it where it is a bridge and they are known.</param>
internal sealed record DmarTarget(DmarScope Scope, PciAddress? Address, AcpiBridgeBuses? Behind)
{
    /// <summary>All that it names is known.</summary>
    public bool IsKnown => Address is not null && (Behind is not null || !Scope.IsHierarchy);

    /// <summary>The requester IDs it names.</summary>
    public IEnumerable<(ushort Segment, ushort First, ushort Last)> Ranges
    {
        get
        {
            if (Address is { } address)
            {
                yield return (address.Segment, address.RequesterId.Value, address.RequesterId.Value);
                if (Behind is { } buses && buses.Secondary <= buses.Subordinate)
                {
                    yield return (address.Segment, (ushort)(buses.Secondary << 8), (ushort)((buses.Subordinate << 8) | 0xff));
                }
            }
        }
    }

    /// <summary>It names that function, or a bridge above it.</summary>
    public bool Covers(PciAddress function) =>
        Address == function || (Address is not null && Behind is { } buses && function.Bus >= buses.Secondary && function.Bus <= buses.Subordinate);

    /// <summary>It could, were the buses known: those behind a bridge come after its own.</summary>
    public bool MayCover(PciAddress function) => !IsKnown && function.Bus > (Address?.Bus ?? Scope.StartBus);
}
