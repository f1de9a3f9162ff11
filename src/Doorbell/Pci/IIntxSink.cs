namespace Doorbell.Pci;

/// <summary>Whoever the INTx line of a function goes to.</summary>
public interface IIntxSink
{
    /// <summary>
    /// The line may have changed: <see cref="PciFunction.IsIntxAsserted"/> says what it is now. Called on the thread that changed it, which may be a
    /// device's in the middle of a register access, so it must not wait for a lock under which functions are accessed.
    /// </summary>
    void OnIntxChanged(PciFunction function);
}
