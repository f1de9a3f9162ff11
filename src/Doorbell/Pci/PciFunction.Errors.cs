namespace Doorbell.Pci;

/// <content>Errors the function reports about itself.</content>
public partial class PciFunction
{
    private IPciErrorSink? _errorSink;

    /// <summary>Whoever is told of uncorrectable errors; null while nobody drives the function.</summary>
    public IPciErrorSink? ErrorSink
    {
        get => Volatile.Read(ref _errorSink);
        set => Volatile.Write(ref _errorSink, value);
    }

    /// <summary>The device reports an uncorrectable error (ERR_NONFATAL or ERR_FATAL, PCIe base 6.2.2): it cannot go on without its driver's help.</summary>
    public void ReportError()
    {
        if (Events.IsEnabled)
        {
            Events.Emit(new PciErrorReported(Address));
        }

        ErrorSink?.OnError(this);
    }
}
