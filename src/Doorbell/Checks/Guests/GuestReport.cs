namespace Doorbell.Checks.Guests;

/// <summary>Whether a guest's memory can be where it is on a host.</summary>
/// <param name="Guest">The guest, placed as on this host.</param>
/// <param name="Collisions">What meets what, fatal ones first.</param>
/// <param name="Change">The smallest change of the guest that leaves no fatal collision; null where none is needed or none is enough.</param>
public sealed record GuestReport(Guest Guest, IReadOnlyList<GuestCollision> Collisions, GuestChange? Change)
{
    /// <summary>True where the guest can start.</summary>
    public bool Fits => !Collisions.Any(static collision => collision.IsFatal);
}
