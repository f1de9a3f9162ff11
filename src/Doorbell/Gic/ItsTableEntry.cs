namespace Doorbell.Gic;

/// <summary>One entry of an interrupt translation table: a word. Readers take no lock.</summary>
internal struct ItsTableEntry
{
    private ulong _word;

    public ItsTranslation Read() => new(Volatile.Read(ref _word));

    /// <summary>Another translation of the same INTID, or none.</summary>
    public void Write(ItsTranslation translation) => Volatile.Write(ref _word, translation.Word);

    /// <summary>A new translation, counted, so that a reader can tell it from an earlier one of the same INTID.</summary>
    public void Map(uint intid, ushort icid) => Write(new ItsTranslation(intid, icid, Read().Generation + 1));

    /// <summary>No translation any more.</summary>
    public void Discard() => Write(Read().Discarded);
}
