namespace Doorbell.Checks;

/// <summary>What a reason does to the verdict.</summary>
public enum CheckSeverity
{
    /// <summary>The kernel refuses the device.</summary>
    Blocks,

    /// <summary>It could decide, and is not known.</summary>
    Unknown,

    /// <summary>The kernel hands the device over, and should not be trusted with it.</summary>
    Unsafe,

    /// <summary>Changes nothing; good to know.</summary>
    Note,
}
