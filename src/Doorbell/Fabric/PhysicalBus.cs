namespace Doorbell.Fabric;

/// <summary>
/// What decodes physical addresses. Space 0 (top 16 bits zero) is the described machine's own map: MSI frames. Client
/// memory is a space a client address space: <c>PA = space &lt;&lt; 48 | vaddr</c>, so a "pinned" page costs no table and
/// decoding it is one array access however much is mapped.
/// </summary>
/// <remarks>Readers take no lock; <see cref="AddTarget"/>, <see cref="AddSpace"/> and <see cref="RemoveSpace"/> are control operations (one at a time).</remarks>
public sealed class PhysicalBus
{
    private const int SpaceShift = 48;
    private const ulong OffsetMask = (1UL << SpaceShift) - 1;
    private const int SpaceLimit = 1 << 16;

    private Target[] _targets = [];
    private IHostMemory?[] _spaces = new IHostMemory?[16];
    private int _lastSpace;

    /// <summary>Last byte a client may map, inclusive: virtual addresses have 48 bits.</summary>
    public static ulong LastVirtualAddress => OffsetMask;

    /// <summary>Puts a frame on the bus.</summary>
    /// <returns>EINVAL where it is empty, leaves the machine's 48-bit map, or overlaps another frame.</returns>
    public Result AddTarget(PhysicalAddress start, ulong size, IBusTarget target)
    {
        if (size == 0 || start.Value > OffsetMask || size - 1 > OffsetMask - start.Value)
        {
            return Result.Fail(Errno.EINVAL, $"{target.Name}: a frame of 0x{size:x} bytes at {start} does not fit the machine's 48-bit physical map");
        }

        foreach (Target other in _targets)
        {
            if (start.Value <= other.Last && other.First <= start.Value + (size - 1))
            {
                return Result.Fail(Errno.EINVAL, $"{target.Name} at {start} overlaps {other.Device.Name} at 0x{other.First:x}-0x{other.Last:x}");
            }
        }

        Target[] next = [.. _targets, new Target(start.Value, start.Value + (size - 1), target)];
        Array.Sort(next, static (a, b) => a.First.CompareTo(b.First));
        Volatile.Write(ref _targets, next);
        return Result.Ok;
    }

    /// <summary>Gives a client's address space a place in the physical map; ENOSPC after 65,535.</summary>
    public Result<int> AddSpace(IHostMemory memory)
    {
        // Round and round, so that a number comes back as late as it can: a transaction translated before an unmap must not find another client (N3).
        for (int tried = 1; tried < SpaceLimit; tried++)
        {
            _lastSpace = _lastSpace == SpaceLimit - 1 ? 1 : _lastSpace + 1;
            if (_lastSpace >= _spaces.Length)
            {
                IHostMemory?[] larger = new IHostMemory?[Math.Min(SpaceLimit, _spaces.Length * 2)];
                _spaces.CopyTo(larger, 0);
                Volatile.Write(ref _spaces, larger);
            }

            if (_spaces[_lastSpace] is null)
            {
                Volatile.Write(ref _spaces[_lastSpace], memory);
                return _lastSpace;
            }
        }

        return Result.Fail(Errno.ENOSPC, "no more client address spaces: 65,535 are in use");
    }

    /// <summary>Takes a client's address space off the bus; writes to it abort from now on.</summary>
    public void RemoveSpace(int space) => Volatile.Write(ref _spaces[space], null);

    /// <summary>True for an address of the described machine's own 48-bit map, false for one of client memory.</summary>
    internal static bool IsMachineAddress(PhysicalAddress address) => address.Value <= OffsetMask;

    /// <summary>The physical address of a client's byte.</summary>
    public static PhysicalAddress AddressOf(int space, ulong virtualAddress) => new(((ulong)space << SpaceShift) | virtualAddress);

    /// <summary>The client memory behind an address, and the client's own address of it.</summary>
    public bool TryGetMemory(PhysicalAddress address, out IHostMemory memory, out ulong virtualAddress)
    {
        int space = (int)(address.Value >> SpaceShift);
        IHostMemory?[] spaces = Volatile.Read(ref _spaces);
        memory = null!;
        virtualAddress = address.Value & OffsetMask;
        if (space == 0 || space >= spaces.Length || Volatile.Read(ref spaces[space]) is not { } found)
        {
            return false;
        }

        memory = found;
        return true;
    }

    /// <summary>The frame that decodes at an address of the machine's own map.</summary>
    public bool TryGetTarget(PhysicalAddress address, out IBusTarget target, out ulong offset)
    {
        Target[] targets = Volatile.Read(ref _targets);
        int low = 0, high = targets.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            ref readonly Target candidate = ref targets[middle];
            if (address.Value < candidate.First)
            {
                high = middle - 1;
            }
            else if (address.Value > candidate.Last)
            {
                low = middle + 1;
            }
            else
            {
                target = candidate.Device;
                offset = address.Value - candidate.First;
                return true;
            }
        }

        target = null!;
        offset = 0;
        return false;
    }

    private readonly record struct Target(ulong First, ulong Last, IBusTarget Device);
}
