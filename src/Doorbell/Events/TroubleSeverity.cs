namespace Doorbell.Events;

/// <summary>How much something that went wrong should alarm a person.</summary>
public enum TroubleSeverity
{
    /// <summary>Somebody does not get what he counted on, and can do something about it.</summary>
    Error,

    /// <summary>Programs ask like that as a matter of course (which features are there, how much room is needed), or polled and wanted no interrupt.</summary>
    Note,
}
