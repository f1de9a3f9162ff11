using Doorbell.Interrupts;

namespace Doorbell.Gic;

/// <summary>One entry of an interrupt translation table, with the interrupt behind its INTID beside it. Readers take no lock.</summary>
/// <remarks>
/// The interrupt is what a real ITS's translation cache saves: the walk from the INTID on. It is looked up when the entry is mapped;
/// the driver allocates the INTID before and discards the entry before it frees it.
/// </remarks>
internal struct ItsTableEntry
{
    private ulong _word;
    private IrqDescriptor? _irq;

    public ItsTranslation Read() => new(Volatile.Read(ref _word));

    /// <summary>The interrupt cached; it belongs to a translation only if that reads the same before and after.</summary>
    public IrqDescriptor? ReadIrq() => Volatile.Read(ref _irq);

    /// <summary>Another translation of the same INTID, or none.</summary>
    public void Write(ItsTranslation translation) => Volatile.Write(ref _word, translation.Word);

    /// <summary>A new translation. Invalid in between, so that no reader takes the new interrupt for the old one or the other way round.</summary>
    public void Map(uint intid, ushort icid, IrqDescriptor? irq)
    {
        ItsTranslation before = Read();
        Write(before.Discarded);
        Volatile.Write(ref _irq, irq);
        Write(new ItsTranslation(intid, icid, before.Generation + 1));
    }

    /// <summary>No translation any more; the interrupt is let go.</summary>
    public void Discard()
    {
        Write(Read().Discarded);
        Volatile.Write(ref _irq, null);
    }
}
