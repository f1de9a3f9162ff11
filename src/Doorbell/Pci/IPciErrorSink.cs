namespace Doorbell.Pci;

/// <summary>Whoever handles the errors of a function (Linux: the driver's pci_error_handlers).</summary>
public interface IPciErrorSink
{
    /// <summary>The function reported an uncorrectable error. Called on the thread that reported it, which may be a device's in the middle of a register access.</summary>
    void OnError(PciFunction function);
}
