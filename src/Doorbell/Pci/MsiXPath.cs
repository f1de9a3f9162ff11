using Doorbell.Fabric;

namespace Doorbell.Pci;

/// <summary>What raising an MSI-X vector reads of a function, side by side: one cache line a device.</summary>
internal struct MsiXPath
{
    /// <summary>The vectors while MSI-X is on, not masked as a whole, and the function may master the bus; empty otherwise.</summary>
    public MsiXSlot[] Slots;

    /// <summary>The way upstream.</summary>
    public IRequester? Upstream;

    public MsiXPath() => Slots = [];
}
