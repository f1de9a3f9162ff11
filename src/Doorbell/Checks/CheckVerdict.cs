namespace Doorbell.Checks;

/// <summary>The answer for one function.</summary>
public enum CheckVerdict
{
    /// <summary>VFIO hands it over once vfio-pci is its driver; all that decides it is known.</summary>
    Assignable,

    /// <summary>The kernel refuses it as things are, and at least one reason says where.</summary>
    NotAssignable,

    /// <summary>Nothing that is known speaks against it, and something that decides it is not known.</summary>
    Unknown,
}
