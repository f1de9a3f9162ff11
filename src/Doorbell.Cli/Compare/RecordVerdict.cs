namespace Doorbell.Cli.Compare;

/// <summary>What became of a captured record.</summary>
internal enum RecordVerdict
{
    /// <summary>Every field that can be compared is the same.</summary>
    Agrees,

    /// <summary>It differs, and the reason of each field is listed.</summary>
    Differs,

    /// <summary>The other host has no such record, and the reason is listed.</summary>
    NotApplicable,

    /// <summary>It differs or is missing, and nobody says why.</summary>
    Unexplained,
}
