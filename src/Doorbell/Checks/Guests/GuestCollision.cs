using Doorbell.Hosts;

namespace Doorbell.Checks.Guests;

/// <summary>A part of a guest that cannot be where it is on this host.</summary>
/// <param name="Kind">What meets what.</param>
/// <param name="Guest">The part of the guest.</param>
/// <param name="Host">The whole range of the host.</param>
/// <param name="Sentence">Who, where, what fails and the rule.</param>
/// <param name="Evidence">Where the host's range was read; null where the architecture says so.</param>
public sealed record GuestCollision(GuestCollisionKind Kind, GuestRange Guest, GuestRange Host, string Sentence, Evidence? Evidence)
{
    /// <summary>True where the guest does not start; false of a note.</summary>
    public bool IsFatal => Kind is GuestCollisionKind.Reserved or GuestCollisionKind.Aperture;

    /// <summary>The errno of the call that fails; none of a note.</summary>
    public Errno Errno => IsFatal ? Errno.EINVAL : Errno.None;

    /// <summary>The rule it breaks.</summary>
    public string Rule => Kind == GuestCollisionKind.Reserved ? "N5" : "I9";
}
