namespace Doorbell.Hosts.Acpi;

/// <summary>A node of IORT (DEN 0049E.f, 3.1). Kinds of no interest here (PMCG, IWB and what comes later) are of this type itself.</summary>
/// <param name="Offset">Its place in the table; mappings name it by that.</param>
/// <param name="Revision">Of the node, which decides over its fields.</param>
/// <param name="Mappings">Where the IDs go that come in.</param>
internal record IortNode(int Offset, byte Revision, IReadOnlyList<IortMapping> Mappings);
