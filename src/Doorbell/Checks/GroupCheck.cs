using Doorbell.Hosts;

namespace Doorbell.Checks;

/// <summary>The group a function is in.</summary>
/// <param name="Number">Its number: the kernel's, or the engine's of a described machine.</param>
/// <param name="Type">Its default domain; null where not known.</param>
/// <param name="Others">Its other members, the first 32 by address.</param>
/// <param name="OtherDevices">Members that are no PCI functions, the first 32 by name.</param>
/// <param name="Evidence">Where it was read.</param>
public sealed record GroupCheck(int Number, string? Type, IReadOnlyList<GroupMember> Others, IReadOnlyList<string> OtherDevices, Evidence Evidence)
{
    /// <summary>How many more members it has than <see cref="Others"/> lists.</summary>
    public int MoreOthers { get; init; }

    /// <summary>How many more of them it has than <see cref="OtherDevices"/> lists.</summary>
    public int MoreOtherDevices { get; init; }
}
