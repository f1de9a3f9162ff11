namespace Doorbell.Pci;

/// <summary>A capability bound to a function: it declares which of its bits are writable and acts on writes.</summary>
public abstract class PciCapability
{
    private protected PciCapability(PciFunction function, int offset)
    {
        Function = function;
        Offset = offset;
    }

    /// <summary>Where it is in configuration space.</summary>
    public int Offset { get; }

    /// <summary>Bytes it takes, header included.</summary>
    public abstract int Length { get; }

    /// <summary>Whose it is.</summary>
    protected PciFunction Function { get; }

    /// <summary>The space it lives in.</summary>
    protected PciConfigSpace Config => Function.Config;

    /// <summary>Software wrote to some of its bytes.</summary>
    internal virtual void OnWritten()
    {
    }

    /// <summary>Software is about to read some of its bytes: brings live fields up to date.</summary>
    internal virtual void OnReading()
    {
    }

    /// <summary>The function was reset; configuration bytes hold their reset values already.</summary>
    internal virtual void OnReset()
    {
    }
}
