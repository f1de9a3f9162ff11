namespace Doorbell.Pci;

/// <summary>
/// A device's behaviour: what it is on the bus, what its registers do. It reaches memory and raises interrupts through the
/// <see cref="PciFunction"/> it is attached to, and knows nothing of the machine around it.
/// </summary>
/// <remarks>The function calls a model from one thread at a time, though not always the same one.</remarks>
public abstract class PciDeviceModel
{
    private PciFunction? _function;

    /// <summary>The model's name on a command line: <c>nvme</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Identity, BARs and interrupts. Fixed for the model's life.</summary>
    public abstract PciDeviceDescription Description { get; }

    /// <summary>
    /// True where <see cref="CreateConfigSpace"/> gives the bytes of a real function: they stay as they are wherever it is placed, and the
    /// addresses in its BARs count where the whole host is of this kind.
    /// </summary>
    public virtual bool HasFixedConfigSpace => false;

    /// <summary>
    /// Parts of memory BARs that a client may map, of whole pages and not overlapping. A model that has any says in <see cref="OnMapped"/> what they show, and in
    /// <see cref="Poll"/> takes in what a client stored there; one whose registers must be trapped has none. A range over the
    /// MSI-X table lets a client see and change the table, which the function sees to.
    /// </summary>
    public virtual IReadOnlyList<PciMappableRange> MappableRanges => [];

    /// <summary>The function the model is attached to; using it before is a bug and throws.</summary>
    protected PciFunction Function => _function ?? throw new InvalidOperationException($"{Name} is not attached to a function");

    /// <summary>A read of device registers. Bytes the device does not have must be filled as well (zero, as a rule).</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">Bytes into it; the whole access lies inside.</param>
    /// <param name="destination">1 to 8 bytes as a rule, more from a client that reads in bulk; alignment is the client's affair.</param>
    public abstract void ReadBar(int bar, ulong offset, Span<byte> destination);

    /// <summary>A write of device registers.</summary>
    /// <param name="bar">Index of the BAR.</param>
    /// <param name="offset">Bytes into it; the whole access lies inside.</param>
    /// <param name="source">1 to 8 bytes as a rule.</param>
    public abstract void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source);

    /// <summary>Back to the state after power-on; what is stored (a disk's contents) stays.</summary>
    public abstract void Reset();

    /// <summary>The configuration space the function starts with: laid out from <see cref="Description"/> unless the model brings one.</summary>
    protected internal virtual PciConfigSpace CreateConfigSpace() => PciConfigLayout.Endpoint(Description);

    /// <summary>A client maps a range, or it is to be shown anew after a reset: the pages are to hold what a read of the registers behind them gives.</summary>
    protected internal virtual void OnMapped(PciMappableRange range, IPciSharedMemory memory)
    {
    }

    /// <summary>Nothing is mapped any more; the memory must not be used again.</summary>
    protected internal virtual void OnUnmapped()
    {
    }

    /// <summary>
    /// Looks at what is mapped and does what a write of the values found there would do. Called again and again while anything is mapped and
    /// decoded, on a thread of its own or between two accesses, never beside one.
    /// </summary>
    /// <returns>True where there was something to do.</returns>
    protected internal virtual bool Poll() => false;

    /// <summary>The model has its function now.</summary>
    protected virtual void OnAttached(PciFunction function)
    {
    }

    internal void Attach(PciFunction function)
    {
        if (_function is not null)
        {
            throw new InvalidOperationException($"{Name} is attached to {_function.Name} already");
        }

        _function = function;
        OnAttached(function);
    }
}
