using Doorbell.Events;
using Doorbell.Fabric;
using Doorbell.Gic;
using Doorbell.Interrupts;

namespace Doorbell.SocMsi;

/// <summary>The page of an MSI controller outside the GIC: what is written to its first word is the number of the MSI it raises.</summary>
/// <remarks>
/// It does not look at who writes (M1), as none of these does: a PCI host's own controller (DesignWare, Tegra, R-Car, Broadcom STB ...) or one of the SoC
/// (Layerscape SCFG, X-Gene). Modelled alike: where in the page they are written to, and how they share a few SPIs of the GIC, differs and changes nothing here.
/// </remarks>
public sealed class SocMsiFrame : IBusTarget
{
    /// <summary>Bytes the frame decodes.</summary>
    public const ulong FrameSize = 0x1000;

    private readonly MsiReceiver _receiver;
    private readonly IrqDescriptor?[] _irqs;

    /// <summary>A frame.</summary>
    /// <param name="name">Name: <c>pcie@1c00000-msi</c>.</param>
    /// <param name="doorbell">Where devices write: the page's first word.</param>
    /// <param name="vectors">MSIs it takes, at least 1.</param>
    /// <param name="events">Where deliveries and refusals are told.</param>
    public SocMsiFrame(string name, PhysicalAddress doorbell, int vectors, EventStream events)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vectors, 1);
        Name = name;
        Doorbell = doorbell;
        _receiver = new MsiReceiver(name, events);
        _irqs = new IrqDescriptor?[vectors];
        Ids = new AlignedIdAllocator(0, (uint)vectors);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Where devices write.</summary>
    public PhysicalAddress Doorbell { get; }

    /// <summary>MSIs it takes.</summary>
    public int Vectors => _irqs.Length;

    /// <summary>MSIs refused since the start (N4).</summary>
    public long Refused => _receiver.Refused;

    internal AlignedIdAllocator Ids { get; }

    /// <inheritdoc/>
    public BusWriteOutcome Write32(in BusWrite write)
    {
        if (write.Offset != 0)
        {
            return BusWriteOutcome.Ignored;
        }

        IrqDescriptor?[] irqs = _irqs;
        if (write.Data >= (uint)irqs.Length)
        {
            return _receiver.Refuse(write, _receiver.TellsRefusals ? $"MSI {write.Data} is not one of its {irqs.Length}" : string.Empty);
        }

        IrqDescriptor? irq = Volatile.Read(ref irqs[write.Data]);
        return irq is null
            ? _receiver.Refuse(write, _receiver.TellsRefusals ? $"MSI {write.Data} is allocated to nobody" : string.Empty)
            : _receiver.Raise(write, irq, write.Data, irq.Affinity);
    }

    internal void Set(uint id, IrqDescriptor? irq) => Volatile.Write(ref _irqs[id], irq);
}
