namespace Doorbell.Pci;

/// <summary>A bus and the functions on it, in the order of their addresses.</summary>
public sealed class PciBus
{
    private readonly SortedList<PciAddress, PciFunction> _functions = [];

    internal PciBus(ushort segment, byte number, PciBridge? self, PciBus? parent)
    {
        Segment = segment;
        Number = number;
        Self = self;
        Parent = parent;
    }

    /// <summary>The PCI segment (Linux: domain).</summary>
    public ushort Segment { get; }

    /// <summary>0 to 255.</summary>
    public byte Number { get; }

    /// <summary>The bridge the bus hangs from; null for a root bus.</summary>
    public PciBridge? Self { get; }

    /// <summary>The bus on the other side of the bridge; null for a root bus.</summary>
    public PciBus? Parent { get; }

    /// <summary>A bus of the host bridge itself.</summary>
    public bool IsRoot => Self is null;

    /// <summary>Functions, by address.</summary>
    public IReadOnlyList<PciFunction> Functions => _functions.Values.AsReadOnly();

    /// <summary>The functions of one device (slot).</summary>
    public IEnumerable<PciFunction> FunctionsOf(int device) => _functions.Values.Where(function => function.Address.Device == device);

    /// <summary>Puts a function on the bus.</summary>
    /// <returns>EEXIST where the place is taken, EINVAL where the address is another bus's or a second device would sit on a link.</returns>
    public Result Add(PciFunction function)
    {
        PciAddress address = function.Address;
        if (address.Segment != Segment || address.Bus != Number)
        {
            return Result.Fail(Errno.EINVAL, $"{function.Name} does not belong on bus {Segment:x4}:{Number:x2}");
        }

        if (_functions.ContainsKey(address))
        {
            return Result.Fail(Errno.EEXIST, $"{function.Name} is there already");
        }

        if (address.Device != 0 && Self is { IsPort: true, Express.Type: not PciExpressType.UpstreamPort })
        {
            return Result.Fail(Errno.EINVAL, $"{function.Name}: below {Self.Name}, the end of a PCI Express link, there is device 0 only (PCIe base 7.3.1)");
        }

        _functions.Add(address, function);
        function.Bus = this;
        if (IsRoot && !function.HasFixedConfigSpace)
        {
            function.Express?.BecomeIntegrated();
        }

        MarkMultifunction(address.Device);
        return Result.Ok;
    }

    // Function 0 must say it where there are others (PCIe base 7.5.1.1.9); the others say it too, as devices do.
    private void MarkMultifunction(int device)
    {
        List<PciFunction> functions = [.. FunctionsOf(device)];
        if (functions.Count < 2)
        {
            return;
        }

        foreach (PciFunction function in functions.Where(static function => !function.HasFixedConfigSpace))
        {
            byte type = function.Config.Read8(PciHeader.HeaderType);
            function.Config.Define8(PciHeader.HeaderType, (byte)(type | PciHeader.MultifunctionBit));
        }
    }
}
