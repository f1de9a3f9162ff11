namespace Doorbell.Pci;

/// <content>Parts of BARs that a client has mapped: polled, beside the accesses that are trapped.</content>
public partial class PciFunction
{
    private readonly Lock _modelAccess = new();

    private PciMappableRange[] _mapped = [];
    private IPciSharedMemory? _shared;
    private MappedMsiXTable? _mappedTable;
    private bool _isShowStale;
    private int _accessesWaiting;

    /// <summary>A client has mapped something: the function is to be polled.</summary>
    public bool IsMapped => Volatile.Read(ref _mapped).Length != 0;

    /// <summary>What of its BARs can be mapped where pages are this large: what the model lets be mapped, less what is not of whole pages.</summary>
    /// <param name="pageSize">Bytes, a power of two.</param>
    public IReadOnlyList<PciMappableRange> MappableRanges(ulong pageSize) =>
        Model is null ? [] : [.. Model.MappableRanges.Where(range => Bars[range.Bar] is { IsMemory: true } && ((range.Offset | range.Length) & (pageSize - 1)) == 0)];

    /// <summary>A client maps a range: from now on it shows the registers behind it, and what is stored there reaches them by <see cref="Poll"/>.</summary>
    /// <param name="range">One of the model's <see cref="PciDeviceModel.MappableRanges"/>; a second time changes nothing.</param>
    /// <param name="memory">The pages; the same for every range until <see cref="Unmap"/>.</param>
    public void Map(PciMappableRange range, IPciSharedMemory memory)
    {
        using Lock.Scope access = EnterModel();
        if (Array.IndexOf(_mapped, range) >= 0)
        {
            return;
        }

        _shared = memory;
        if (MsiX is { } msiX && Contains(range, msiX.TableBar, msiX.TableOffset, msiX.TableLength))
        {
            _mappedTable = new MappedMsiXTable(msiX, memory, Contains(range, msiX.PbaBar, msiX.PbaOffset, msiX.PbaLength));
            _mappedTable.Show();
        }

        Model?.OnMapped(range, memory);
        Volatile.Write(ref _mapped, [.. _mapped, range]);
    }

    /// <summary>Nothing is mapped any more.</summary>
    public void Unmap()
    {
        using Lock.Scope access = EnterModel();
        if (_mapped.Length == 0)
        {
            return;
        }

        Volatile.Write(ref _mapped, []);
        _shared = null;
        _mappedTable = null;
        _isShowStale = false;
        Model?.OnUnmapped();
    }

    /// <summary>Takes in what the client has stored in what it mapped, and lets the device act on it. For one thread of the device's own, which calls it again and again.</summary>
    /// <returns>True where there was something to do; then there is likely to be more soon.</returns>
    public bool Poll()
    {
        if (Volatile.Read(ref _accessesWaiting) != 0)
        {
            return true; // a trapped access goes first, however busy the device is
        }

        lock (_modelAccess)
        {
            return TakeStores();
        }
    }

    /// <summary>The same between two trapped calls of the client, so that it finds its stores and those calls in the order it made them.</summary>
    public void Synchronize()
    {
        if (IsMapped)
        {
            using Lock.Scope access = EnterModel();
            TakeStores();
        }
    }

    /// <summary>Returns when DMA that was under way at the call has ended: what was unmapped or detached before is not touched any more.</summary>
    public void Quiesce()
    {
        using Lock.Scope access = EnterModel();
    }

    /// <summary>The device's registers are one thread's at a time; whoever waits here is let in before the polling thread goes on.</summary>
    private Lock.Scope EnterModel()
    {
        Interlocked.Increment(ref _accessesWaiting);
        Lock.Scope scope = _modelAccess.EnterScope();
        Interlocked.Decrement(ref _accessesWaiting);
        return scope;
    }

    private bool TakeStores()
    {
        if (_mapped.Length == 0)
        {
            return false;
        }

        // The kernel takes the pages away while memory space is off, and an access is SIGBUS. Here they stay, and nobody looks: what is stored there
        // meanwhile is lost, as any write to a function that does not decode it.
        if (!IsBarEnabled(_mapped[0].Bar))
        {
            _isShowStale = true;
            return false;
        }

        if (_isShowStale)
        {
            Show();
        }

        bool hadTable = _mappedTable?.Poll() ?? false;
        return (Model?.Poll() ?? false) || hadTable;
    }

    /// <summary>After a reset the mapped pages show what the registers have become.</summary>
    private void Show()
    {
        _isShowStale = false;
        _mappedTable?.Show();
        foreach (PciMappableRange range in _mapped)
        {
            Model?.OnMapped(range, _shared!);
        }
    }

    private static bool Contains(PciMappableRange range, int bar, ulong offset, int length) =>
        range.Bar == bar && range.Offset <= offset && offset + (ulong)length <= range.End;
}
