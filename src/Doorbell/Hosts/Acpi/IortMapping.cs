namespace Doorbell.Hosts.Acpi;

/// <summary>An ID mapping of an IORT node (DEN 0049E.f, table 4).</summary>
/// <param name="Offset">Of its row in the table.</param>
/// <param name="InputBase">First ID it is for.</param>
/// <param name="Count">Number of IDs less one, as the table has it.</param>
/// <param name="OutputBase">What the first becomes.</param>
/// <param name="Target">Offset in the table of the node it leads to.</param>
/// <param name="IsSingle">Input base and count do not matter: its owner has one ID, which is <paramref name="OutputBase"/>.</param>
internal readonly record struct IortMapping(int Offset, uint InputBase, uint Count, uint OutputBase, uint Target, bool IsSingle)
{
    public const int Size = 20;

    public ulong InputLast => (ulong)InputBase + Count;

    /// <summary>Last of the IDs that come out of it.</summary>
    public ulong OutputLast => IsSingle ? OutputBase : (ulong)OutputBase + Count;

    public bool Covers(uint id) => id >= InputBase && id <= InputLast;
}
