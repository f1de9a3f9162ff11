namespace Doorbell.Devices;

/// <summary>A submission queue as the controller sees it: written by the host, consumed here.</summary>
internal sealed class NvmeSubmissionQueue(int id, Iova address, uint entries, NvmeCompletionQueue completions)
{
    public int Id => id;

    public uint Entries => entries;

    public NvmeCompletionQueue Completions => completions;

    /// <summary>Next entry to fetch.</summary>
    public uint Head { get; private set; }

    /// <summary>Where the host will write next.</summary>
    public uint Tail { get; set; }

    public bool IsEmpty => Head == Tail;

    public Iova HeadAddress => address + ((ulong)Head * NvmeCommand.Size);

    /// <summary>Entries that can be fetched in one piece.</summary>
    public uint Contiguous => Tail >= Head ? Tail - Head : entries - Head;

    public void Advance() => Head = Head + 1 == entries ? 0 : Head + 1;
}
