namespace Doorbell.Vfio.Iommufd;

/// <summary>The objects of a context by number. A number is the lowest that is free, as the kernel's array hands them out.</summary>
internal sealed class IommufdObjects
{
    private readonly List<IommufdObject?> _objects = [null];
    private readonly PriorityQueue<uint, uint> _free = new();

    public int Count => _objects.Count - 1 - _free.Count;

    public IEnumerable<IommufdObject> All => _objects.OfType<IommufdObject>();

    public T Add<T>(Func<uint, T> create)
        where T : IommufdObject
    {
        if (!_free.TryDequeue(out uint id, out _))
        {
            id = (uint)_objects.Count;
            _objects.Add(null);
        }

        T created = create(id);
        _objects[(int)id] = created;
        return created;
    }

    /// <summary>The object of that number, if it is of that kind: another kind is as absent as none.</summary>
    public T? Find<T>(uint id)
        where T : IommufdObject => id < (uint)_objects.Count ? _objects[(int)id] as T : null;

    public void Remove(IommufdObject gone)
    {
        _objects[(int)gone.Id] = null;
        _free.Enqueue(gone.Id, gone.Id);
    }
}
